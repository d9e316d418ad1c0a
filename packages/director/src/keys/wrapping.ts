import { type Failure, toFailure } from '@sealift/core';
import { type KeyWrapper, uuidBytes } from '@sealift/crypto';
import { fail } from '../failures.ts';

type WrapContext = Parameters<KeyWrapper['wrap']>[1];

/** A secret as it is stored: by which service and key it was wrapped, so that the same one is asked to unwrap it. */
export interface Wrapped {
  bytes: Buffer;
  provider: string;
  keyRef: string;
}

/** Told of every request to a service. */
export type OnRequest = (provider: string, result: 'ok' | 'failed') => void;

/** The service that wraps what is new, and those whose wraps are still around. */
export class Wrapping implements AsyncDisposable {
  readonly current: KeyWrapper;
  readonly all: KeyWrapper[];
  /** Told when the service in use stops answering; not again before it has answered. */
  onDown: (failure: Failure) => void = () => {};
  /** Whether hashes that it wraps go into recovery points, too. */
  readonly inPoints: boolean;
  readonly #onRequest: OnRequest;
  #failure: Failure | undefined;

  constructor(current: KeyWrapper, o: { previous: KeyWrapper[]; inPoints: boolean; onRequest: OnRequest }) {
    this.current = current;
    this.inPoints = o.inPoints;
    this.all = [current, ...o.previous];
    this.#onRequest = o.onRequest;
  }

  /** Whether the service in use answered when it was last asked; if not, why. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  async wrap(secret: Buffer, context: WrapContext): Promise<Wrapped> {
    const { provider, keyRef } = this.current;
    return { bytes: await this.#ask(this.current, () => this.current.wrap(secret, context)), provider, keyRef };
  }

  async unwrap(wrapped: Wrapped, context: WrapContext): Promise<Buffer> {
    const wrappers = this.#named(wrapped);
    for (const wrapper of wrappers) {
      try {
        return await this.#ask(wrapper, () => wrapper.unwrap(wrapped.bytes, context));
      } catch (thrown) {
        if (wrapper === wrappers.at(-1) || toFailure(thrown).code !== 'master-key-wrong') throw thrown;
      }
    }
    const { provider, keyRef } = wrapped;
    throw fail('kms-key-unknown', `A secret was wrapped by ${provider} with the key '${keyRef}', not set up here.`);
  }

  /** Whether a service and key that could unwrap it are set up. */
  knows(wrapped: Pick<Wrapped, 'provider' | 'keyRef'>): boolean {
    return this.#named(wrapped).length > 0;
  }

  /** Asks the service in use for something that harms nobody, to see whether it answers. */
  async probe(): Promise<void> {
    const context = { purpose: 'probe', domainId: Buffer.alloc(16), epoch: 0 };
    await this.#ask(this.current, () => this.current.wrap(Buffer.alloc(32), context)).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wrapper of this.all) await wrapper[Symbol.asyncDispose]();
  }

  /** The first version did not write down by which key it wrapped, so all of that provider are tried. */
  #named({ provider, keyRef }: Pick<Wrapped, 'provider' | 'keyRef'>): KeyWrapper[] {
    return this.all.filter((one) => one.provider === provider && (keyRef === '' || one.keyRef === keyRef));
  }

  async #ask<T>(wrapper: KeyWrapper, request: () => Promise<T>): Promise<T> {
    try {
      const answer = await request();
      this.#note(wrapper, undefined);
      return answer;
    } catch (thrown) {
      const failure = toFailure(thrown);
      this.#note(wrapper, failure);
      throw failure;
    }
  }

  /** What is wrong with one secret is no failure of the service. */
  #note(wrapper: KeyWrapper, failure: Failure | undefined): void {
    this.#onRequest(wrapper.provider, failure === undefined ? 'ok' : 'failed');
    if (wrapper !== this.current) return;
    const before = this.#failure;
    this.#failure = failure?.kind === 'retry' ? failure : undefined;
    if (before === undefined && this.#failure !== undefined) this.onDown(this.#failure);
  }
}

/** What a wrapped password hash is bound to. */
export function hashContext({ domainId, epoch }: { domainId: string; epoch: number }): WrapContext {
  return { purpose: 'ph-wrap', domainId: uuidBytes(domainId), epoch };
}
