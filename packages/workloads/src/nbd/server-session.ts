import type { Duplex } from 'node:stream';
import { type ByteCredit, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import {
  ALLOCATION,
  CHUNK,
  CHUNK_DONE,
  COMMAND,
  COMMAND_FLAG,
  ERROR,
  MOST_REQUEST_BYTES,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from './protocol.ts';
import { type Agreed, ALLOCATION_CONTEXT } from './server-handshake.ts';

/** Requests of one client that are worked on at once; the next is read when one is answered. */
const MOST_REQUESTS = 16;
/** Extents in one answer. */
const MOST_EXTENTS = 4096;
const MOST_MESSAGE_BYTES = 1024;

const CHANGING: ReadonlySet<number> = new Set([COMMAND.write, COMMAND.trim, COMMAND.writeZeroes]);

interface Request {
  flags: number;
  command: number;
  handle: bigint;
  offset: number;
  length: number;
}

/** Answers the requests of one client about one disk. */
export class ServerSession {
  readonly #agreed: Agreed;
  readonly #socket: Duplex;
  readonly #credit: ByteCredit;
  readonly #onFailure: (thrown: unknown) => void;
  readonly #running = new Set<Promise<void>>();
  #draining: Promise<void> | undefined;

  /** @param credit bytes of answers that may be held in memory, shared by all clients */
  constructor(agreed: Agreed, credit: ByteCredit, onFailure: (thrown: unknown) => void) {
    this.#agreed = agreed;
    this.#socket = agreed.socket;
    this.#credit = credit;
    this.#onFailure = onFailure;
  }

  /** Until the client says goodbye. @throws Failure `nbd-violation`, `nbd-closed` */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    try {
      for (;;) {
        const request = readRequest(await this.#agreed.reader.take(28));
        if (request.command === COMMAND.disconnect) return;
        // What a client means to write has to be taken off the line before the next request.
        if (request.command === COMMAND.write) await this.#skip(request.length);
        const answer = this.#answer(request, either).catch(() => {
          this.#socket.destroy();
        });
        const running = answer.finally(() => this.#running.delete(running));
        this.#running.add(running);
        if (this.#running.size >= MOST_REQUESTS) await Promise.race(this.#running);
      }
    } finally {
      ended.abort(fail('nbd-closed', 'The NBD client has gone.'));
      await Promise.all(this.#running);
    }
  }

  async #skip(length: number): Promise<void> {
    if (length > MOST_REQUEST_BYTES) throw fail('nbd-violation', 'An NBD client writes more than a request may carry.');
    for (let left = length; left > 0; ) left -= (await this.#agreed.reader.take(Math.min(left, 65_536))).length;
  }

  async #answer(request: Request, signal: AbortSignal): Promise<void> {
    const wrong = this.#objection(request);
    if (wrong !== undefined) return this.#refuse(request, wrong.errno, wrong.message);
    if (request.command === COMMAND.flush) return this.#acknowledge(request);
    await this.#credit.take(request.length === 0 ? 1 : Math.min(request.length, MOST_REQUEST_BYTES), signal);
    try {
      if (request.command === COMMAND.read) await this.#read(request, signal);
      else await this.#status(request, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      this.#onFailure(thrown);
      await this.#refuse(request, ERROR.io, toFailure(thrown).message);
    } finally {
      this.#credit.give(request.length === 0 ? 1 : Math.min(request.length, MOST_REQUEST_BYTES));
    }
  }

  #objection({ command, flags, offset, length }: Request): { errno: number; message: string } | undefined {
    if (CHANGING.has(command)) return { errno: ERROR.permission, message: 'the disk is read-only' };
    if (command === COMMAND.flush) return undefined;
    const status = command === COMMAND.blockStatus;
    if (command !== COMMAND.read && !status) return { errno: ERROR.invalid, message: 'unknown command' };
    if (status && !this.#agreed.allocation) return { errno: ERROR.invalid, message: 'no context was agreed on' };
    if ((flags & COMMAND_FLAG.dontFragment) !== 0) return { errno: ERROR.invalid, message: 'unknown flag' };
    if (offset + length > this.#agreed.disk.size)
      return { errno: ERROR.invalid, message: 'beyond the end of the disk' };
    if (!status && length > MOST_REQUEST_BYTES) return { errno: ERROR.overflow, message: 'too much in one request' };
    return status && length === 0 ? { errno: ERROR.invalid, message: 'an empty range has no status' } : undefined;
  }

  async #read(request: Request, signal: AbortSignal): Promise<void> {
    if (!this.#agreed.structured) return this.#readWhole(request, signal);
    let { offset } = request;
    for await (const { length, data } of this.#agreed.disk.read(offset, request.length, signal)) {
      const at = Buffer.alloc(data === undefined ? 12 : 8);
      at.writeBigUInt64BE(BigInt(offset), 0);
      if (data === undefined) at.writeUInt32BE(length, 8);
      await this.#chunk(
        request,
        data === undefined ? CHUNK.offsetHole : CHUNK.offsetData,
        0,
        at,
        ...(data ? [data] : []),
      );
      offset += length;
    }
    await this.#chunk(request, CHUNK.none, CHUNK_DONE);
  }

  /** A client that does not know structured replies gets all or an error, so all is read before the first byte goes. */
  async #readWhole(request: Request, signal: AbortSignal): Promise<void> {
    const pieces: Buffer[] = [simpleReply(request.handle, 0)];
    for await (const { length, data } of this.#agreed.disk.read(request.offset, request.length, signal)) {
      pieces.push(data ?? Buffer.alloc(length));
    }
    await this.#send(...pieces);
  }

  async #status(request: Request, signal: AbortSignal): Promise<void> {
    const { offset, length, flags } = request;
    const extents = await this.#agreed.disk.allocation(offset, length, signal);
    const told = extents.slice(0, (flags & COMMAND_FLAG.requestOne) === 0 ? MOST_EXTENTS : 1);
    const payload = Buffer.alloc(told.length * 8);
    for (const [i, extent] of told.entries()) {
      payload.writeUInt32BE(extent.length, i * 8);
      payload.writeUInt32BE(extent.hole ? ALLOCATION.hole | ALLOCATION.zero : 0, i * 8 + 4);
    }
    await this.#chunk(request, CHUNK.blockStatus, CHUNK_DONE, ALLOCATION_CONTEXT, payload);
  }

  async #acknowledge(request: Request): Promise<void> {
    if (this.#agreed.structured) await this.#chunk(request, CHUNK.none, CHUNK_DONE);
    else await this.#send(simpleReply(request.handle, 0));
  }

  async #refuse(request: Request, errno: number, message: string): Promise<void> {
    if (!this.#agreed.structured) return this.#send(simpleReply(request.handle, errno));
    const text = Buffer.from(message).subarray(0, MOST_MESSAGE_BYTES);
    const told = Buffer.alloc(6);
    told.writeUInt32BE(errno, 0);
    told.writeUInt16BE(text.length, 4);
    await this.#chunk(request, CHUNK.error, CHUNK_DONE, told, text);
  }

  #chunk({ handle }: Request, type: number, flags: number, ...payload: Buffer[]): Promise<void> {
    const header = Buffer.alloc(20);
    header.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(type, 6);
    header.writeBigUInt64BE(handle, 8);
    header.writeUInt32BE(
      payload.reduce((sum, { length }) => sum + length, 0),
      16,
    );
    return this.#send(header, ...payload);
  }

  /** Parts of one message follow each other; resolves when there is room for more. */
  async #send(...parts: Buffer[]): Promise<void> {
    if (this.#socket.destroyed) throw fail('nbd-closed', 'The NBD client has gone.');
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
    if (this.#socket.writableNeedDrain) await this.#drained();
  }

  /** One wait for all answers that are held up. */
  #drained(): Promise<void> {
    this.#draining ??= new Promise<void>((resolve) => {
      const go = () => {
        this.#socket.off('drain', go).off('close', go);
        this.#draining = undefined;
        resolve();
      };
      this.#socket.on('drain', go).on('close', go);
    });
    return this.#draining;
  }
}

function readRequest(header: Buffer): Request {
  const offset = header.readBigUInt64BE(16);
  if (header.readUInt32BE(0) !== REQUEST_MAGIC) {
    throw fail('nbd-violation', 'An NBD client sent something that is no request.');
  }
  return {
    flags: header.readUInt16BE(4),
    command: header.readUInt16BE(6),
    handle: header.readBigUInt64BE(8),
    // Beyond any disk either way.
    offset: offset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(offset),
    length: header.readUInt32BE(24),
  };
}

function simpleReply(handle: bigint, errno: number): Buffer {
  const reply = Buffer.alloc(16);
  reply.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0);
  reply.writeUInt32BE(errno, 4);
  reply.writeBigUInt64BE(handle, 8);
  return reply;
}
