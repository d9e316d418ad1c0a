import type { Socket } from 'node:net';
import { fail } from '../failures.ts';
import {
  GREETING_MAGIC,
  HANDSHAKE,
  INFO,
  MOST_NAME_BYTES,
  MOST_REQUEST_BYTES,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  REPLY,
  REPLY_ERROR_BIT,
  TRANSMISSION,
} from './protocol.ts';
import type { SocketReader } from './socket-reader.ts';

/** What a server tells of the export it opened. */
export interface NbdExportInfo {
  /** Bytes. */
  size: number;
  /** `TRANSMISSION` bits. */
  flags: number;
  /** The most bytes that a request may read or write. */
  mostRequestBytes: number;
  /** Structured replies were agreed on; without them there is no block status. */
  structured: boolean;
  /** Ids of the metadata contexts that the server has, of those asked for. */
  contexts: Map<number, string>;
}

type OpenedExport = Pick<NbdExportInfo, 'size' | 'flags' | 'mostRequestBytes'>;

/** A server that takes less at a time serves nobody. */
const LEAST_REQUEST_BYTES = 4096;
const MOST_REPLY_BYTES = 64 * 1024;
/** A server lists one reply a context or piece of information; more than this is no answer to what was asked. */
const MOST_REPLIES = 64;

/**
 * Negotiates fixed newstyle, structured replies, contexts and the export.
 * @throws Failure `nbd-refused`, `nbd-violation`, `nbd-closed`
 */
export async function openExport(
  socket: Socket,
  reader: SocketReader,
  exportName: string,
  contexts: string[],
): Promise<NbdExportInfo> {
  await greet(socket, reader);
  const options = new Options(socket, reader);
  const structured = await options.agreed(OPTION.structuredReply, Buffer.alloc(0));
  const name = lengthAndText(exportName);
  const found = new Map<number, string>();
  if (structured && contexts.length > 0) {
    const queries = Buffer.concat([name, u32(contexts.length), ...contexts.map(lengthAndText)]);
    for (const { type, data } of await options.ask(OPTION.setMetaContext, queries)) {
      if (type === REPLY.metaContext) readContext(data, contexts, found);
    }
  }
  const request = Buffer.concat([name, Buffer.from([0, 1, 0, INFO.blockSize])]);
  return { ...readInfo(await options.ask(OPTION.go, request), exportName), structured, contexts: found };
}

async function greet(socket: Socket, reader: SocketReader): Promise<void> {
  const greeting = await reader.take(18);
  const newstyle = greeting.readBigUInt64BE(0) === GREETING_MAGIC && greeting.readBigUInt64BE(8) === OPTION_MAGIC;
  const flags = greeting.readUInt16BE(16);
  if (!newstyle || (flags & HANDSHAKE.fixedNewstyle) === 0) {
    throw fail('nbd-violation', 'What answered is no NBD server of the fixed newstyle.');
  }
  socket.write(u32(HANDSHAKE.fixedNewstyle | (flags & HANDSHAKE.noZeroes)));
}

interface OptionReply {
  type: number;
  data: Buffer;
}

/** One option at a time, each with its replies. */
class Options {
  readonly #socket: Socket;
  readonly #reader: SocketReader;

  constructor(socket: Socket, reader: SocketReader) {
    this.#socket = socket;
    this.#reader = reader;
  }

  /** The replies before the acknowledgement. @throws Failure `nbd-refused` */
  async ask(option: number, data: Buffer): Promise<OptionReply[]> {
    const header = Buffer.alloc(16);
    header.writeBigUInt64BE(OPTION_MAGIC, 0);
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(data.length, 12);
    this.#socket.write(Buffer.concat([header, data]));
    const replies: OptionReply[] = [];
    for (let reply = await this.#next(option); reply.type !== REPLY.ack; reply = await this.#next(option)) {
      if (reply.type >= REPLY_ERROR_BIT) throw refusal(option, reply);
      replies.push(reply);
      if (replies.length > MOST_REPLIES)
        throw fail('nbd-violation', `The NBD server answers option ${option} without end.`);
    }
    return replies;
  }

  /** Whether the server knows the option. */
  async agreed(option: number, data: Buffer): Promise<boolean> {
    try {
      await this.ask(option, data);
      return true;
    } catch (thrown) {
      if ((thrown as { code?: string }).code === 'nbd-refused') return false;
      throw thrown;
    }
  }

  async #next(option: number): Promise<OptionReply> {
    const header = await this.#reader.take(20);
    const length = header.readUInt32BE(16);
    const answers = header.readBigUInt64BE(0) === OPTION_REPLY_MAGIC && header.readUInt32BE(8) === option;
    if (!answers || length > MOST_REPLY_BYTES) {
      throw fail('nbd-violation', `The NBD server does not answer option ${option} in the way of the protocol.`);
    }
    return { type: header.readUInt32BE(12), data: await this.#reader.take(length) };
  }
}

function refusal(option: number, { type, data }: OptionReply): Error {
  const why = [...data.toString('utf8', 0, 500)].filter((letter) => letter >= ' ').join('');
  const meaning = type === REPLY.tlsRequired ? 'it wants TLS' : type === REPLY.unknown ? 'there is no such export' : '';
  const told = [meaning, why].filter((text) => text !== '').join(': ');
  return fail('nbd-refused', `The NBD server refused option ${option}${told === '' ? '' : ` (${told})`}.`);
}

function readContext(data: Buffer, asked: string[], found: Map<number, string>): void {
  const name = data.toString('utf8', 4);
  if (data.length < 5 || !asked.includes(name)) {
    throw fail('nbd-violation', 'The NBD server names a metadata context that was not asked for.');
  }
  found.set(data.readUInt32BE(0), name);
}

function readInfo(replies: OptionReply[], exportName: string): OpenedExport {
  const told: Partial<OpenedExport> = Object.assign(
    {},
    ...replies.map(({ type, data }) => (type === REPLY.info ? infoIn(data) : {})),
  );
  const { size, flags, mostRequestBytes = MOST_REQUEST_BYTES } = told;
  const plausible = Number.isSafeInteger(size) && mostRequestBytes >= LEAST_REQUEST_BYTES;
  if (size === undefined || flags === undefined || !plausible || (flags & TRANSMISSION.hasFlags) === 0) {
    throw fail('nbd-violation', `The NBD server opened export "${exportName}" without telling what it is.`);
  }
  return { size, flags, mostRequestBytes };
}

function infoIn(data: Buffer): Partial<OpenedExport> {
  const kind = data.length < 2 ? undefined : data.readUInt16BE(0);
  if (kind === INFO.export && data.length === 12) {
    return { size: Number(data.readBigUInt64BE(2)), flags: data.readUInt16BE(10) };
  }
  if (kind !== INFO.blockSize || data.length !== 14) return {};
  return { mostRequestBytes: Math.min(data.readUInt32BE(10), MOST_REQUEST_BYTES) };
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > MOST_NAME_BYTES) throw fail('nbd-refused', 'The name of an NBD export or context is too long.');
  return Buffer.concat([u32(bytes.length), bytes]);
}
