import type { Socket } from 'node:net';
import { ByteCredit, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdAddress } from './address.ts';
import { dial, silence } from './dial.ts';
import { type NbdExportInfo, openExport } from './handshake.ts';
import { PendingRequest, readExtents, type StatusExtent } from './pending-request.ts';
import {
  CHUNK,
  CHUNK_DONE,
  CHUNK_ERROR_BIT,
  COMMAND,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
  TRANSMISSION,
} from './protocol.ts';
import { requestHeader } from './request-header.ts';
import { SocketReader } from './socket-reader.ts';

export interface NbdClientOptions {
  exportName?: string;
  /** Metadata contexts to ask for: `base:allocation`, `qemu:dirty-bitmap:NAME`. */
  contexts?: string[];
  /** The server is given up when it says nothing for this long while it owes an answer, ms. */
  patience?: number;
}

const PATIENCE_MS = 60_000;
/** Bytes asked for and on their way, over all requests. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;
/** Larger reads and writes go in several requests, which the server may work on at once. */
const REQUEST_BYTES = 1024 * 1024;
/** Longest that a request without data may reach; a multiple of every block size. */
const MOST_RANGE = 1024 * 1024 * 1024;
/** Extents in one answer: more than any server sends for `MOST_RANGE`. */
const MOST_STATUS_BYTES = 8 * 1024 * 1024;
const MOST_ERROR_BYTES = 4096 + 14;

const NAMES = new Map<number, string>(Object.entries(COMMAND).map(([name, number]) => [number, name]));

/** A connection to one export of an NBD server. Requests may be made beside each other; any failure of one tells why. */
export class NbdClient implements AsyncDisposable {
  readonly info: NbdExportInfo;
  readonly #socket: Socket;
  readonly #reader: SocketReader;
  readonly #inFlight = new ByteCredit(IN_FLIGHT_BYTES);
  readonly #pending = new Map<bigint, PendingRequest>();
  #next = 0n;
  #broken: unknown;

  private constructor(socket: Socket, reader: SocketReader, info: NbdExportInfo) {
    this.#socket = socket;
    this.#reader = reader;
    this.info = info;
    void this.#receive();
    socket.on('timeout', () => {
      if (this.#pending.size > 0) this.#break(silence());
    });
  }

  /** @throws Failure `nbd-unreachable`, `nbd-refused`, `nbd-violation`, `nbd-closed` */
  static async connect(address: NbdAddress, options: NbdClientOptions = {}, signal?: AbortSignal): Promise<NbdClient> {
    signal?.throwIfAborted();
    const { exportName = '', contexts = [], patience = PATIENCE_MS } = options;
    const socket = await dial(address, patience, signal);
    const give = () => socket.destroy(toFailure(signal?.reason));
    const silent = () => socket.destroy(silence());
    signal?.addEventListener('abort', give, { once: true });
    socket.on('timeout', silent);
    try {
      const reader = new SocketReader(socket);
      const info = await openExport(socket, reader, exportName, contexts);
      return new NbdClient(socket, reader, info);
    } catch (thrown) {
      socket.destroy();
      signal?.throwIfAborted();
      throw thrown;
    } finally {
      socket.off('timeout', silent);
      signal?.removeEventListener('abort', give);
    }
  }

  /** Bytes of the export. */
  get size(): number {
    return this.info.size;
  }

  has(context: string): boolean {
    return [...this.info.contexts.values()].includes(context);
  }

  /** Fills the buffer with what stands at `offset`. */
  async read(offset: number, into: Buffer): Promise<void> {
    this.#checkRange(offset, into.length);
    await this.#inPieces(into.length, (at, length) => {
      const request = new PendingRequest('read', offset + at, length, into.subarray(at, at + length));
      return this.#ask(COMMAND.read, 0, request, length);
    });
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    this.#checkRange(offset, bytes.length);
    await this.#inPieces(bytes.length, (at, length) => {
      const request = new PendingRequest('write', offset + at, length);
      return this.#ask(COMMAND.write, 0, request, length, bytes.subarray(at, at + length));
    });
  }

  /** Makes a range read as zeros, by a hole where the server can. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkRange(offset, length);
    await this.#overRange(offset, length, COMMAND.writeZeroes);
  }

  /** Tells that a range is not needed; what it reads as afterwards is up to the server. */
  async trim(offset: number, length: number): Promise<void> {
    this.#checkRange(offset, length);
    await this.#overRange(offset, length, COMMAND.trim);
  }

  /** What was written before is durable afterwards. */
  async flush(): Promise<void> {
    if ((this.info.flags & TRANSMISSION.sendFlush) === 0) return;
    await this.#ask(COMMAND.flush, 0, new PendingRequest('flush', 0, 0), 0);
  }

  /**
   * Extents from `offset` on by context: one at least, covering `length` bytes at most and maybe less.
   * Contexts that the server does not have are not in the answer.
   */
  async status(offset: number, length: number): Promise<Map<string, StatusExtent[]>> {
    this.#checkRange(offset, length);
    const request = new PendingRequest('blockStatus', offset, Math.min(length, MOST_RANGE));
    if (this.info.contexts.size > 0) await this.#ask(COMMAND.blockStatus, 0, request, request.length);
    return request.status;
  }

  /** Extents of one context over a whole range; none if the server does not have it. */
  async *extents(context: string, offset: number, length: number): AsyncGenerator<StatusExtent & { offset: number }> {
    for (let at = offset; at < offset + length; ) {
      const extents = (await this.status(at, offset + length - at)).get(context) ?? [];
      if (extents.length === 0) return;
      for (const extent of extents) {
        yield { offset: at, ...extent };
        at += extent.length;
      }
    }
  }

  /** Ends the connection in order; requests under way are given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#broken === undefined) {
      const header = requestHeader(COMMAND.disconnect, 0, 0n, 0, 0);
      this.#socket.end(header);
      this.#break(fail('nbd-closed', 'The NBD connection was closed.'), false);
    }
    if (this.#socket.closed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.setTimeout(1000, () => this.#socket.destroy());
    this.#socket.resume();
    await closed;
  }

  #checkRange(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.size) {
      throw fail('nbd-error', `A range of ${length} bytes at ${offset} is beyond the ${this.size} bytes of the disk.`);
    }
  }

  async #inPieces(length: number, ask: (at: number, length: number) => Promise<void>): Promise<void> {
    const most = Math.min(REQUEST_BYTES, this.info.mostRequestBytes);
    const asked: Promise<void>[] = [];
    for (let at = 0; at < length; at += most) {
      const piece = Math.min(most, length - at);
      await this.#inFlight.take(piece);
      const done = ask(at, piece).finally(() => this.#inFlight.give(piece));
      done.catch(() => {});
      asked.push(done);
    }
    // Nothing is written into the caller's buffer any more when this ends, failed or not.
    const failed = (await Promise.allSettled(asked)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #overRange(offset: number, length: number, command: number): Promise<void> {
    for (let at = 0; at < length; at += MOST_RANGE) {
      const piece = Math.min(MOST_RANGE, length - at);
      await this.#ask(command, 0, new PendingRequest(NAMES.get(command) ?? '', offset + at, piece), piece);
    }
  }

  async #ask(command: number, flags: number, request: PendingRequest, length: number, payload?: Buffer): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const handle = this.#next++;
    this.#pending.set(handle, request);
    this.#socket.cork();
    this.#socket.write(requestHeader(command, flags, handle, request.offset, length));
    if (payload !== undefined) this.#socket.write(payload);
    this.#socket.uncork();
    await request.done;
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const magic = (await this.#reader.take(4)).readUInt32BE(0);
        if (magic === SIMPLE_REPLY_MAGIC) await this.#simpleReply();
        else if (magic === STRUCTURED_REPLY_MAGIC && this.info.structured) await this.#structuredReply();
        else throw fail('nbd-violation', 'The NBD server sent something that is no reply.');
      }
    } catch (thrown) {
      this.#break(thrown);
    }
  }

  async #simpleReply(): Promise<void> {
    const header = await this.#reader.take(12);
    const errno = header.readUInt32BE(0);
    const handle = header.readBigUInt64BE(4);
    const request = this.#requestOf(handle);
    if (errno !== 0) request.refuse(errno, '');
    else if (request.into !== undefined) {
      if (this.info.structured) throw fail('nbd-violation', 'The NBD server answers a read without structure.');
      await this.#reader.fill(request.place(request.offset, request.length));
    }
    this.#finish(handle, request);
  }

  async #structuredReply(): Promise<void> {
    const header = await this.#reader.take(16);
    const type = header.readUInt16BE(2);
    const handle = header.readBigUInt64BE(4);
    const length = header.readUInt32BE(12);
    const request = this.#requestOf(handle);
    if (type === CHUNK.offsetData) await this.#data(request, length);
    else if (type === CHUNK.offsetHole) this.#hole(request, await this.#payload(length, 12, 12));
    else if (type === CHUNK.blockStatus) this.#status(request, await this.#payload(length, 12, MOST_STATUS_BYTES));
    else if ((type & CHUNK_ERROR_BIT) !== 0) refuse(request, await this.#payload(length, 6, MOST_ERROR_BYTES));
    else if (type !== CHUNK.none || length > 0) throw fail('nbd-violation', 'The NBD server sent an unknown chunk.');
    if ((header.readUInt16BE(0) & CHUNK_DONE) !== 0) this.#finish(handle, request);
  }

  async #payload(length: number, least: number, most: number): Promise<Buffer> {
    if (length < least || length > most) throw fail('nbd-violation', 'The NBD server sent a chunk of a wrong length.');
    return await this.#reader.take(length);
  }

  async #data(request: PendingRequest, length: number): Promise<void> {
    if (length < 9) throw fail('nbd-violation', 'The NBD server sent a data chunk without data.');
    const offset = Number((await this.#reader.take(8)).readBigUInt64BE(0));
    await this.#reader.fill(request.place(offset, length - 8));
  }

  #hole(request: PendingRequest, payload: Buffer): void {
    request.place(Number(payload.readBigUInt64BE(0)), payload.readUInt32BE(8)).fill(0);
  }

  #status(request: PendingRequest, payload: Buffer): void {
    const context = this.info.contexts.get(payload.readUInt32BE(0));
    if (request.command !== 'blockStatus' || context === undefined || request.status.has(context)) {
      throw fail('nbd-violation', 'The NBD server told a block status that was not asked for.');
    }
    request.status.set(context, readExtents(payload.subarray(4), context, request.length));
  }

  #requestOf(handle: bigint): PendingRequest {
    const request = this.#pending.get(handle);
    if (request === undefined) throw fail('nbd-violation', 'The NBD server answers a request that was not made.');
    return request;
  }

  #finish(handle: bigint, request: PendingRequest): void {
    this.#pending.delete(handle);
    request.finish();
  }

  #break(error: unknown, destroy = true): void {
    this.#broken ??= error;
    for (const request of this.#pending.values()) request.fail(this.#broken);
    this.#pending.clear();
    if (destroy) this.#socket.destroy();
  }
}

function refuse(request: PendingRequest, payload: Buffer): void {
  const length = Math.min(payload.readUInt16BE(4), payload.length - 6);
  request.refuse(payload.readUInt32BE(0), payload.toString('utf8', 6, 6 + length));
}
