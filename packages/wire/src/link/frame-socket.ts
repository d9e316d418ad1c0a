import type { Socket } from 'node:net';
import { collectYoungGarbage, type Failure, releaseMemory, toFailure } from '@sealift/core';
import type { MessageChannel } from '@sealift/crypto';
import type { WebSocket } from 'ws';
import type { Pacer } from '../bandwidth/pacer.ts';
import { fail } from '../failures.ts';
import { CLOSE_DONE, closeReasonOf, failureOfClose } from './close-reason.ts';
import { startHeartbeat } from './heartbeat.ts';
import { type Frame, Inbox } from './inbox.ts';
import { MAX_HANDSHAKE_MESSAGE, SOCKET_OPTIONS } from './limits.ts';
import { Outbox } from './outbox.ts';

/** Bytes received between two collections of garbage: little enough to matter, seldom enough to cost under 5 %. */
const COLLECT_EVERY = 16 * 1024 * 1024;

/** A WebSocket that carries records both ways with back-pressure, and fails with one `Failure` for good. */
export class FrameSocket {
  bytesSent = 0;
  bytesReceived = 0;
  /** What writing has to wait for, if anything. */
  pacers: () => Pacer[] = () => [];
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #heartbeat: Disposable;
  #failure: Failure | undefined;
  #closing = false;
  #uncollected = 0;

  /** `stream` is the connection under the WebSocket. */
  constructor(socket: WebSocket, stream: Socket, patience: number) {
    socket.binaryType = 'fragments';
    this.#socket = socket;
    this.#inbox = new Inbox(socket);
    this.#outbox = new Outbox(() => socket.bufferedAmount);
    this.#heartbeat = startHeartbeat(socket, stream, patience, () => this.#silent(patience));
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#fail(failureOfClose(code, reason));
        this.#heartbeat[Symbol.dispose]();
        resolve();
      });
    });
    socket.on('message', (data, isBinary) => this.#arrived(data as Buffer[], isBinary));
    socket.on('error', (error) => this.#fail(failureOfSocketError(error)));
  }

  receive(): Promise<Frame> {
    return this.#inbox.take();
  }

  /**
   * Sends what `make` returns as the fragments of one message, in turn. `make` is called at that turn.
   *
   * @returns how long making and writing took, ms
   */
  async send(make: () => Buffer[]): Promise<number> {
    let spent = 0;
    await this.#outbox.turn(() => {
      const start = performance.now();
      const writing = this.#write(make(), () => {});
      spent = performance.now() - start;
      return writing;
    });
    return spent;
  }

  /** As `send`, but waits until the bytes are with the operating system. */
  async sendAll(make: () => Buffer[]): Promise<void> {
    const written = Promise.withResolvers<void>();
    await this.#outbox.turn(() => this.#write(make(), written.resolve));
    await written.promise;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The same connection for the in-flight handshake: whole, short messages. */
  handshakeChannel(): MessageChannel {
    return {
      send: async (message) => void (await this.send(() => [message])),
      receive: async () => {
        const frame = await this.receive();
        const length = frame.reduce((sum, part) => sum + part.length, 0);
        if (length > MAX_HANDSHAKE_MESSAGE) {
          throw fail('protocol-violation', `The peer sent a handshake message of ${length} bytes.`);
        }
        return Buffer.concat(frame, length);
      },
    };
  }

  /** Ends it with a failure of this side, which the peer is told. */
  abort(failure: Failure): void {
    this.#inbox.discard();
    if (this.#failure === undefined) {
      this.#fail(failure);
      const { code, reason } = closeReasonOf(failure);
      this.#close(code, reason);
    }
  }

  /** Closes it after all that was sent has gone out; waits until the peer has closed too. */
  async close(): Promise<void> {
    this.#inbox.discard();
    this.#fail(fail('disconnected', 'The link was closed on this side.'));
    this.#close(CLOSE_DONE, '');
    await this.closed;
  }

  /** Drops the connection without another word, unless the peer is being told of a failure already. */
  async drop(): Promise<void> {
    this.#inbox.discard();
    this.#fail(fail('disconnected', 'The link was dropped on this side.'));
    if (!this.#closing) this.#socket.terminate();
    await this.closed;
  }

  #arrived(fragments: Buffer[], isBinary: boolean): void {
    if (!isBinary) {
      this.abort(fail('protocol-violation', 'The peer sent a text message where only records are allowed.'));
      return;
    }
    const length = fragments.reduce((sum, part) => sum + part.length, 0);
    this.bytesReceived += length;
    this.#collectEverySoOften(length);
    this.#inbox.add(fragments);
  }

  /** What was received is garbage soon, in buffers of the network layer that nobody else can release. */
  #collectEverySoOften(received: number): void {
    this.#uncollected += received;
    if (this.#uncollected < COLLECT_EVERY) return;
    this.#uncollected = 0;
    collectYoungGarbage();
  }

  /** Calls `written` also when writing failed, for that ends the whole connection anyway. */
  #write(parts: Buffer[], written: () => void): Promise<void> | undefined {
    if (this.pacers().length > 0) return this.#writePaced(parts, written);
    for (const [at, part] of parts.entries()) this.#writeFragment(part, part, at === parts.length - 1, written);
    return undefined;
  }

  /** The same in slices, each of which waits for the pacers of its time. */
  async #writePaced(all: Buffer[], written: () => void): Promise<void> {
    const parts = all.filter((part) => part.length > 0);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    for (const part of parts) {
      for (let from = 0; from < part.length; ) {
        const fragment = await this.#paced(part.subarray(from), length);
        from += fragment.length;
        const ended = from >= part.length ? part : undefined;
        this.#writeFragment(fragment, ended, ended !== undefined && part === parts.at(-1), written);
      }
    }
  }

  /** The first bytes of the rest of a part, as many as may go out at once, when they may. */
  async #paced(rest: Buffer, message: number): Promise<Buffer> {
    const pacers = this.pacers();
    const fragment = rest.subarray(0, sliceOf(message, pacers));
    for (const pacer of pacers) await pacer.take(fragment.length + overheadOf(fragment.length));
    if (this.#failure !== undefined) throw this.#failure;
    return fragment;
  }

  /** @param done a buffer that nobody needs any more once this fragment is written */
  #writeFragment(fragment: Buffer, done: Buffer | undefined, last: boolean, written: () => void): void {
    this.bytesSent += fragment.length;
    this.#socket.send(fragment, { binary: true, fin: last }, () => {
      this.#outbox.drained();
      // Sealed for this connection only, and now with the operating system.
      if (done !== undefined) releaseMemory(done);
      if (last) written();
    });
  }

  /** The peer's close frame is seen only while the socket is read. */
  #close(code: number, reason: string): void {
    this.#closing = true;
    this.#socket.resume();
    this.#socket.close(code, reason);
  }

  #silent(patience: number): void {
    this.#fail(fail('disconnected', `The peer has been silent for ${Math.round(patience / 1000)} s.`));
    this.#socket.terminate();
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#inbox.fail(this.#failure);
    this.#outbox.fail(this.#failure);
  }
}

/** As small as the pacers want it, and as large as the peer's limit of fragments demands; a record has two parts. */
function sliceOf(message: number, pacers: Pacer[]): number {
  const wanted = Math.min(...pacers.map(({ slice = Number.POSITIVE_INFINITY }) => slice));
  return Math.max(wanted, Math.ceil(message / (SOCKET_OPTIONS.maxFragments - 4)));
}

/** What a fragment costs on the wire besides: its own header, and header and tag of each TLS record of 16 KiB. */
function overheadOf(bytes: number): number {
  return 14 + 22 * Math.ceil(bytes / 16_384);
}

/** `ws` codes what it refuses from the peer; everything else is the connection itself. */
function failureOfSocketError(error: Error & { code?: string }): Failure {
  if (error.code?.startsWith('WS_ERR_')) {
    return fail('protocol-violation', `The peer broke the WebSocket protocol: ${error.message}.`, { cause: error });
  }
  const known = toFailure(error);
  return known.kind === 'retry'
    ? known
    : fail('disconnected', `The connection failed: ${error.message}.`, { cause: error });
}
