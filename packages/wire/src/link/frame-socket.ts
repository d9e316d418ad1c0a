import type { Socket } from 'node:net';
import { collectYoungGarbage, type Failure, releaseMemory, toFailure } from '@sealift/core';
import type { MessageChannel } from '@sealift/crypto';
import type { WebSocket } from 'ws';
import { fail } from '../failures.ts';
import { CLOSE_DONE, closeReasonOf, failureOfClose } from './close-reason.ts';
import { startHeartbeat } from './heartbeat.ts';
import { type Frame, Inbox } from './inbox.ts';
import { MAX_HANDSHAKE_MESSAGE } from './limits.ts';
import { Outbox } from './outbox.ts';

/** Bytes received between two collections of garbage: little enough to matter, seldom enough to cost under 5 %. */
const COLLECT_EVERY = 16 * 1024 * 1024;

/** A WebSocket that carries records both ways with back-pressure, and fails with one `Failure` for good. */
export class FrameSocket {
  bytesSent = 0;
  bytesReceived = 0;
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
  send(make: () => Buffer[]): Promise<number> {
    return this.#outbox.turn(() => {
      const start = performance.now();
      this.#write(make(), () => {});
      return performance.now() - start;
    });
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
  #write(parts: Buffer[], written: () => void): void {
    const last = parts.length - 1;
    for (const [at, part] of parts.entries()) {
      this.bytesSent += part.length;
      this.#socket.send(part, { binary: true, fin: at === last }, () => {
        this.#outbox.drained();
        // Sealed for this connection only, and now with the operating system.
        releaseMemory(part);
        if (at === last) written();
      });
    }
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
