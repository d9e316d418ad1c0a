import { type Failure, toFailure } from '@sealift/core';
import type { PeerCertificate } from '@sealift/crypto';
import type { WebSocket } from 'ws';
import { fail } from '../failures.ts';
import { checkFields, decodeFrame, encodeAnswer, encodeRefusal, encodeRequest, type Frame, isMethod } from './frame.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Method, Params, Result } from './methods.ts';

/** Calls of one peer worked on at once; more are refused with `too-many-calls`. */
const MAX_CALLS_AT_ONCE = 256;

export interface CallContext {
  peer: ControlPeer;
  /** Aborted when the connection ends. */
  signal: AbortSignal;
}

/** What this side answers. A method without a handler is refused with `method-unknown`. */
export type ControlHandlers = {
  [M in Method]?: (params: Params<M>, context: CallContext) => Promise<Result<M>> | Result<M>;
};

interface Waiting {
  method: Method;
  resolve: (result: never) => void;
  reject: (failure: unknown) => void;
}

/** One end of a control connection. Both ends may call; answers come in any order. */
export class ControlPeer implements AsyncDisposable {
  /** The certificate of the other side, checked against the authority. */
  readonly peer: PeerCertificate;
  /** Resolves when the connection has ended: `undefined` after `close()`, else why. */
  readonly closed: Promise<Failure | undefined>;
  readonly #socket: WebSocket;
  readonly #handlers: ControlHandlers;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = new AbortController();
  #lastId = 0;
  #working = 0;
  #failure: Failure | undefined;

  /** `patience`: a peer that is silent for this long is gone, ms. */
  constructor(socket: WebSocket, peer: PeerCertificate, handlers: ControlHandlers, patience?: number) {
    this.peer = peer;
    this.#socket = socket;
    this.#handlers = handlers;
    const { promise, resolve } = Promise.withResolvers<Failure | undefined>();
    this.closed = promise;
    const stopHeartbeat = startHeartbeat(socket, (failure) => this.abort(failure), patience);
    socket.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on('error', (error) => {
      this.#failure ??= socketFailure(error);
    });
    socket.on('close', (code) => {
      stopHeartbeat();
      if (code !== 1000)
        this.#failure ??= fail('disconnected', `The control connection to ${peer.id} was cut (${code}).`);
      this.#ended.abort(this.#failure);
      this.#refuseWaiting();
      resolve(this.#failure);
    });
  }

  /** False from the moment the connection is ending. */
  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Calls the other side. An aborted `signal` stops the waiting; the other side is not told. */
  async call<M extends Method>(method: M, params: Params<M>, signal?: AbortSignal): Promise<Result<M>> {
    signal?.throwIfAborted();
    const id = this.#nextId();
    const { promise, resolve, reject } = Promise.withResolvers<Result<M>>();
    const frame = encodeRequest(id, method, params);
    this.#requireOpen();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.set(id, { method, resolve, reject });
    try {
      this.#socket.send(frame);
      return await promise;
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Tells the other side without waiting for an answer; dropped when the connection is down. */
  notify<M extends Method>(method: M, params: Params<M>): void {
    const frame = encodeRequest(undefined, method, params);
    if (this.open) this.#socket.send(frame);
  }

  /** Cuts the connection; `closed` resolves with `failure`. */
  abort(failure: Failure): void {
    this.#failure ??= failure;
    this.#socket.terminate();
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    const impatience = setTimeout(() => this.#socket.terminate(), 2000);
    await this.closed;
    clearTimeout(impatience);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === 0xffff_ffff ? 1 : this.#lastId + 1;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  #requireOpen(): void {
    if (!this.open) throw this.#disconnected();
  }

  #disconnected(): Failure {
    return this.#failure ?? fail('disconnected', `The control connection to ${this.peer.id} is closed.`);
  }

  #refuseWaiting(): void {
    for (const { reject, method } of this.#waiting.values()) {
      reject(fail('disconnected', `The connection to ${this.peer.id} ended before ${method} was answered.`));
    }
    this.#waiting.clear();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) throw fail('protocol-violation', 'A control message came as text.');
      this.#accept(decodeFrame(data));
    } catch (thrown) {
      this.abort(toFailure(thrown));
    }
  }

  #accept(frame: Frame): void {
    if (frame.kind === 'request') {
      void this.#answer(frame);
      return;
    }
    // An answer that nobody waits for belongs to a call that was given up.
    const waiting = this.#waiting.get(frame.id);
    if (waiting === undefined) return;
    this.#waiting.delete(frame.id);
    if (frame.kind === 'refusal') {
      waiting.reject(frame.failure);
      return;
    }
    try {
      checkFields(waiting.method, 'result', frame.result);
      waiting.resolve(frame.result as never);
    } catch (thrown) {
      waiting.reject(thrown);
    }
  }

  async #answer({ id, method, params }: Frame & { kind: 'request' }): Promise<void> {
    this.#working++;
    let reply: Buffer | undefined;
    try {
      const result = await this.#handle(method, params);
      if (id !== undefined) reply = encodeAnswer(id, method as Method, result);
    } catch (thrown) {
      if (id !== undefined) reply = encodeRefusal(id, toFailure(thrown));
    } finally {
      this.#working--;
    }
    if (reply !== undefined && this.open) this.#socket.send(reply);
  }

  #handle(method: string, params: unknown): unknown {
    if (this.#working > MAX_CALLS_AT_ONCE) {
      throw fail('too-many-calls', `More than ${MAX_CALLS_AT_ONCE} calls at once; ${method} was not begun.`);
    }
    const handler = isMethod(method) ? this.#handlers[method] : undefined;
    if (handler === undefined) throw fail('method-unknown', `There is no method ${method} on this side.`);
    checkFields(method as Method, 'params', params);
    return (handler as (params: unknown, context: CallContext) => unknown)(params, {
      peer: this,
      signal: this.#ended.signal,
    });
  }
}

function socketFailure(error: Error & { code?: string }): Failure {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
    return fail('message-too-large', 'The peer sent a control message beyond the limit.', { cause: error });
  }
  if (error.code?.startsWith('WS_ERR_') === true) {
    return fail('protocol-violation', `The peer broke the WebSocket protocol: ${error.message}.`, { cause: error });
  }
  return fail('disconnected', `The control connection broke: ${error.message}.`, { cause: error });
}
