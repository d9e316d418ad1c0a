import type { MessagePort, Transferable, Worker } from 'node:worker_threads';
import { type FailureRecord, failureFromRecord, toFailure } from '@sealift/core';

/** Methods one side of a channel offers: name to [parameters, result]. */
export type Methods = Record<string, [params: unknown, result: unknown]>;

/** A result, and which of its buffers change hands instead of being copied. */
export interface Reply<R> {
  result: R;
  transfer?: Transferable[];
}

export type Handlers<M extends Methods> = {
  [K in keyof M]: (params: M[K][0]) => Promise<Reply<M[K][1]>>;
};

type Frame =
  | { call: number; method: string; params: unknown }
  | { answer: number; result: unknown }
  | { answer: number; failure: FailureRecord };

/** Calls in both directions between two threads. Everything under way fails when the other thread is gone. */
export class ThreadChannel<Theirs extends Methods, Ours extends Methods> {
  readonly #port: Worker | MessagePort;
  readonly #handlers: Handlers<Ours>;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #lastCall = 0;
  #closed: Error | undefined;

  constructor(port: Worker | MessagePort, handlers: Handlers<Ours>) {
    this.#port = port;
    this.#handlers = handlers;
    port.on('message', (frame: Frame) => {
      if ('call' in frame) void this.#serve(frame);
      else this.#settle(frame);
    });
  }

  /** Calls that wait for an answer: the load of the other thread. */
  get pending(): number {
    return this.#calls.size;
  }

  call<K extends keyof Theirs & string>(
    method: K,
    params: Theirs[K][0],
    transfer: Transferable[] = [],
  ): Promise<Theirs[K][1]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const call = ++this.#lastCall;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(call, answer);
    this.#port.postMessage({ call, method, params } satisfies Frame, transfer);
    return answer.promise as Promise<Theirs[K][1]>;
  }

  /** Ends every call under way with `reason`. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
  }

  async #serve(frame: { call: number; method: string; params: unknown }): Promise<void> {
    try {
      const handler = this.#handlers[frame.method] as (params: unknown) => Promise<Reply<unknown>>;
      const { result, transfer } = await handler(frame.params);
      this.#port.postMessage({ answer: frame.call, result } satisfies Frame, transfer ?? []);
    } catch (thrown) {
      this.#port.postMessage({ answer: frame.call, failure: toFailure(thrown).toJSON() } satisfies Frame);
    }
  }

  #settle(frame: { answer: number; result: unknown } | { answer: number; failure: FailureRecord }): void {
    const call = this.#calls.get(frame.answer);
    this.#calls.delete(frame.answer);
    if ('failure' in frame) call?.reject(failureFromRecord(frame.failure));
    else call?.resolve(frame.result);
  }
}

/** A buffer as it arrives from another thread: structured cloning turns Buffers into plain Uint8Arrays. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes in an ArrayBuffer of their own, so that sending them neither clones nor detaches anything else. */
export function ownBuffer(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}

/** Larger buffers have their memory to themselves; smaller ones may lie in a pool that many share. */
const SURELY_ALONE = 128 * 1024;

/** Bytes that can be given to another thread: as they are if they have their memory nearly to themselves, else a copy. */
export function transferable(bytes: Buffer): Buffer {
  const alone = bytes.length >= SURELY_ALONE && bytes.buffer.byteLength < bytes.length + SURELY_ALONE;
  return alone ? bytes : ownBuffer(Buffer.from(bytes));
}
