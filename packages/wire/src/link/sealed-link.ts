import { type Failure, toFailure } from '@sealift/core';
import type { HandshakeResult, PeerCertificate, Ticket } from '@sealift/crypto';
import type { Pacer } from '../bandwidth/pacer.ts';
import { fail } from '../failures.ts';
import type { FrameSocket } from './frame-socket.ts';
import { MAX_PAYLOAD } from './limits.ts';
import type { Link, LinkMessage } from './link.ts';

/** All messages of a link travel on one stream of the record layer. */
const STREAM = 0;

/** A link once the in-flight handshake is done: every record sealed, in order, with an authenticated end. */
export class SealedLink implements Link {
  readonly peer: PeerCertificate;
  readonly ticket?: Ticket;
  readonly busy = { sending: 0, receiving: 0 };
  readonly #frames: FrameSocket;
  readonly #keys: HandshakeResult;
  #ended = false;
  #peerEnded = false;

  constructor(frames: FrameSocket, keys: HandshakeResult & { ticket?: Ticket }) {
    this.#frames = frames;
    this.#keys = keys;
    this.peer = keys.peer;
    if (keys.ticket !== undefined) this.ticket = keys.ticket;
  }

  get bytesSent(): number {
    return this.#frames.bytesSent;
  }

  get bytesReceived(): number {
    return this.#frames.bytesReceived;
  }

  async send(kind: number, parts: Buffer[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > MAX_PAYLOAD) throw fail('message-too-large', `A message of ${length} bytes exceeds ${MAX_PAYLOAD}.`);
    this.busy.sending += await this.#frames.send(() => this.#keys.sealer.seal(kind, STREAM, parts));
  }

  async *messages(): AsyncGenerator<LinkMessage, void, undefined> {
    while (!this.#peerEnded) {
      const message = this.#open(await this.#frames.receive());
      if (message === undefined) this.#peerEnded = true;
      else yield message;
    }
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#frames.sendAll(() => this.#keys.sealer.end());
  }

  paceBy(pacers: () => Pacer[]): void {
    this.#frames.pacers = pacers;
  }

  abort(failure: Failure): void {
    this.#frames.abort(failure);
  }

  /** A link that has said END closes in order; any other is cut off, which the peer sees as `disconnected`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) await this.#frames.close();
    else await this.#frames.drop();
  }

  /** Undefined for END. A record that does not open ends the link: nothing after it can be trusted. */
  #open(frame: Buffer[]): LinkMessage | undefined {
    const start = performance.now();
    try {
      const record = this.#keys.opener.open(frame);
      return record.type === 'end' ? undefined : { kind: record.type, payload: record.payload };
    } catch (thrown) {
      const failure = toFailure(thrown);
      this.#frames.abort(failure);
      throw failure;
    } finally {
      this.busy.receiving += performance.now() - start;
    }
  }
}
