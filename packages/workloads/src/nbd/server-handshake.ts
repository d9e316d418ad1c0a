import type { Duplex } from 'node:stream';
import { fail } from '../failures.ts';
import type { ReadableDisk } from './disk.ts';
import { u32 } from './handshake.ts';
import {
  BASE_ALLOCATION,
  GREETING_MAGIC,
  HANDSHAKE,
  INFO,
  MOST_NAME_BYTES,
  MOST_REQUEST_BYTES,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  REPLY,
  TRANSMISSION,
} from './protocol.ts';
import { SocketReader } from './socket-reader.ts';

/** What a client and the server agreed on. */
export interface Agreed {
  disk: ReadableDisk;
  structured: boolean;
  /** `base:allocation` may be asked for. */
  allocation: boolean;
  socket: Duplex;
  reader: SocketReader;
}

/** Goes over to TLS with a client; the result is its socket from then on. */
export type StartTls = (socket: Duplex) => Promise<Duplex>;

const MOST_OPTION_BYTES = 64 * 1024;
/** Options in one handshake; `nbdinfo --list` needs two for each export. */
const MOST_OPTIONS = 1024;
const ALLOCATION_ID = 1;
const READ_ONLY_FLAGS =
  TRANSMISSION.hasFlags | TRANSMISSION.readOnly | TRANSMISSION.sendFlush | TRANSMISSION.canMultiConn;
const PREFERRED_BLOCK = 4096;

/** The options of one client, until it opens a disk or goes. */
export class ServerHandshake {
  readonly #disks: ReadableDisk[];
  readonly #startTls: StartTls | undefined;
  #socket: Duplex;
  #reader: SocketReader;
  #secure = false;
  #noZeroes = false;
  #structured = false;
  /** The disk for which `base:allocation` was agreed on. */
  #allocationOf: ReadableDisk | undefined;

  /** @param startTls with it, nothing is told to a client that does not use TLS */
  constructor(socket: Duplex, disks: ReadableDisk[], startTls?: StartTls) {
    this.#socket = socket;
    this.#reader = new SocketReader(socket);
    this.#disks = disks;
    this.#startTls = startTls;
  }

  /** Undefined: the client has said goodbye. @throws Failure `nbd-violation`, `nbd-closed` */
  async run(): Promise<Agreed | undefined> {
    await this.#greet();
    for (let count = 0; count < MOST_OPTIONS; count++) {
      const header = await this.#reader.take(16);
      const length = header.readUInt32BE(12);
      if (header.readBigUInt64BE(0) !== OPTION_MAGIC || length > MOST_OPTION_BYTES) {
        throw fail('nbd-violation', 'An NBD client sent something that is no option.');
      }
      const option = header.readUInt32BE(8);
      const data = await this.#reader.take(length);
      if (option === OPTION.abort) {
        this.#reply(option, REPLY.ack);
        return undefined;
      }
      const disk = await this.#answer(option, data);
      if (disk !== undefined) return this.#agreedOn(disk);
    }
    throw fail('nbd-violation', 'An NBD client negotiates without end.');
  }

  async #greet(): Promise<void> {
    const greeting = Buffer.alloc(18);
    greeting.writeBigUInt64BE(GREETING_MAGIC, 0);
    greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
    greeting.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
    this.#socket.write(greeting);
    const flags = (await this.#reader.take(4)).readUInt32BE(0);
    if ((flags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) {
      throw fail('nbd-violation', 'An NBD client asks for an unknown way of talking.');
    }
    this.#noZeroes = (flags & HANDSHAKE.noZeroes) !== 0;
  }

  #agreedOn(disk: ReadableDisk): Agreed {
    const { structured, allocation } = { structured: this.#structured, allocation: this.#allocationOf === disk };
    return { disk, structured, allocation, socket: this.#socket, reader: this.#reader };
  }

  /** @returns the disk that is opened by it */
  async #answer(option: number, data: Buffer): Promise<ReadableDisk | undefined> {
    if (option === OPTION.startTls) {
      await this.#goSecure(data);
    } else if (this.#startTls !== undefined && !this.#secure) {
      if (option === OPTION.exportName) throw fail('nbd-violation', 'An NBD client does not use TLS.');
      this.#reply(option, REPLY.tlsRequired);
    } else if (option === OPTION.exportName) {
      return this.#openOldStyle(data);
    } else if (option === OPTION.info || option === OPTION.go) {
      return this.#open(option, data);
    } else {
      this.#answerOther(option, data);
    }
    return undefined;
  }

  #answerOther(option: number, data: Buffer): void {
    if (option === OPTION.list) {
      this.#list(data);
    } else if (option === OPTION.structuredReply) {
      if (data.length > 0) {
        this.#reply(option, REPLY.invalid);
        return;
      }
      this.#structured = true;
      this.#reply(option, REPLY.ack);
    } else if (option === OPTION.listMetaContext || option === OPTION.setMetaContext) {
      this.#contexts(option, data);
    } else {
      this.#reply(option, REPLY.unsupported);
    }
  }

  async #goSecure(data: Buffer): Promise<void> {
    if (this.#startTls === undefined || this.#secure) {
      this.#reply(OPTION.startTls, REPLY.unsupported);
      return;
    }
    // What was sent before the encryption began could have been put there by anybody.
    if (data.length > 0 || this.#reader.ahead > 0)
      throw fail('nbd-violation', 'An NBD client sent more than STARTTLS.');
    this.#reply(OPTION.startTls, REPLY.ack);
    this.#reader.release();
    this.#socket = await this.#startTls(this.#socket);
    this.#reader = new SocketReader(this.#socket);
    this.#secure = true;
  }

  #openOldStyle(data: Buffer): ReadableDisk {
    const disk = this.#disk(data.toString('utf8'));
    if (disk === undefined) throw fail('nbd-violation', 'An NBD client asks for a disk that there is not.');
    const reply = Buffer.alloc(this.#noZeroes ? 10 : 134);
    reply.writeBigUInt64BE(BigInt(disk.size), 0);
    reply.writeUInt16BE(READ_ONLY_FLAGS, 8);
    this.#socket.write(reply);
    return disk;
  }

  #open(option: number, data: Buffer): ReadableDisk | undefined {
    const name = textAt(data, 0);
    if (
      name === undefined ||
      data.length < name.end + 2 ||
      data.length !== name.end + 2 + data.readUInt16BE(name.end) * 2
    ) {
      this.#reply(option, REPLY.invalid);
      return undefined;
    }
    const disk = this.#disk(name.text);
    if (disk === undefined) {
      this.#reply(option, REPLY.unknown, Buffer.from('there is no such disk'));
      return undefined;
    }
    const told = Buffer.alloc(12);
    told.writeUInt16BE(INFO.export, 0);
    told.writeBigUInt64BE(BigInt(disk.size), 2);
    told.writeUInt16BE(READ_ONLY_FLAGS, 10);
    this.#reply(option, REPLY.info, told);
    const sizes = [u32(1), u32(PREFERRED_BLOCK), u32(MOST_REQUEST_BYTES)];
    this.#reply(option, REPLY.info, Buffer.concat([Buffer.from([0, INFO.blockSize]), ...sizes]));
    this.#reply(option, REPLY.ack);
    return option === OPTION.go ? disk : undefined;
  }

  #list(data: Buffer): void {
    if (data.length > 0) {
      this.#reply(OPTION.list, REPLY.invalid);
      return;
    }
    for (const { name, description } of this.#disks) {
      const bytes = Buffer.from(name);
      this.#reply(OPTION.list, REPLY.server, Buffer.concat([u32(bytes.length), bytes, Buffer.from(description)]));
    }
    this.#reply(OPTION.list, REPLY.ack);
  }

  #contexts(option: number, data: Buffer): void {
    const asked = readQueries(data);
    if (asked === undefined || (option === OPTION.setMetaContext && !this.#structured)) {
      this.#reply(option, REPLY.invalid);
      return;
    }
    const disk = this.#disk(asked.name);
    if (disk === undefined) {
      this.#reply(option, REPLY.unknown);
      return;
    }
    const listing = option === OPTION.listMetaContext;
    const found = asked.queries.includes(BASE_ALLOCATION) || (listing && asksForAll(asked.queries));
    if (!listing) this.#allocationOf = found ? disk : undefined;
    if (found) {
      const id = u32(listing ? 0 : ALLOCATION_ID);
      this.#reply(option, REPLY.metaContext, Buffer.concat([id, Buffer.from(BASE_ALLOCATION)]));
    }
    this.#reply(option, REPLY.ack);
  }

  /** The only disk goes by the empty name too. */
  #disk(name: string): ReadableDisk | undefined {
    if (name === '' && this.#disks.length === 1) return this.#disks[0];
    return this.#disks.find((disk) => disk.name === name);
  }

  #reply(option: number, type: number, data: Buffer = Buffer.alloc(0)): void {
    const header = Buffer.alloc(20);
    header.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(type, 12);
    header.writeUInt32BE(data.length, 16);
    this.#socket.write(Buffer.concat([header, data]));
  }
}

function asksForAll(queries: string[]): boolean {
  return queries.length === 0 || queries.includes('base:');
}

/** Of the chunks that tell a block status. */
export const ALLOCATION_CONTEXT = u32(ALLOCATION_ID);

const MOST_QUERIES = 64;

function readQueries(data: Buffer): { name: string; queries: string[] } | undefined {
  const name = textAt(data, 0);
  if (name === undefined || data.length < name.end + 4) return undefined;
  const count = data.readUInt32BE(name.end);
  if (count > MOST_QUERIES) return undefined;
  const queries: string[] = [];
  let at = name.end + 4;
  for (let i = 0; i < count; i++) {
    const query = textAt(data, at);
    if (query === undefined) return undefined;
    queries.push(query.text);
    at = query.end;
  }
  return at === data.length ? { name: name.text, queries } : undefined;
}

function textAt(data: Buffer, at: number): { text: string; end: number } | undefined {
  if (data.length < at + 4) return undefined;
  const end = at + 4 + data.readUInt32BE(at);
  if (end > data.length || end - at - 4 > MOST_NAME_BYTES) return undefined;
  return { text: data.toString('utf8', at + 4, end), end };
}
