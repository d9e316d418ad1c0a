import type { Failure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import {
  type ControlClient,
  type ControlHandlers,
  type ControlPeer,
  controlClient,
  type MethodOf,
  type Params,
  type Result,
} from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { DirectorLine } from './director-line.ts';

/** How long a call waits for a Director that is away, ms. Whoever calls may try again. */
const PATIENCE = 30_000;
/** How long the Director may take to answer, ms. */
const LONGEST_ANSWER = 60_000;

/** What this Transporter says, answers and does on each connection. */
export interface Conversation {
  handlers: ControlHandlers;
  /** What to say on each new connection. */
  hello: () => Params<'hello'>;
  /** Told the Director's answer before anything else is said. */
  onGreeted: (answer: Result<'hello'>) => Promise<void>;
  /** Told when calls go through again. */
  onConnected: () => void;
}

/** The Director as this Transporter sees it: a connection that is made again whenever it is lost, until disposed. */
export class Director implements DirectorLine, AsyncDisposable {
  readonly #where: { url: string; postQuantumOnly: boolean };
  readonly #identity: () => Identity;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #client: ControlClient | undefined;
  #lastFailure = 'no connection was made yet';

  constructor(where: { url: string; postQuantumOnly: boolean }, identity: () => Identity, log: Logger) {
    this.#where = where;
    this.#identity = identity;
    this.#log = log.child({ director: where.url });
  }

  /** Begins to dial, once everything is there that the Director may ask for. */
  connect(conversation: Conversation): void {
    this.#client = controlClient(
      {
        ...this.#where,
        identity: this.#identity,
        handlers: conversation.handlers,
        onConnected: (peer) => this.#greet(peer, conversation),
        onDisconnected: (failure) => this.#report(failure),
      },
      this.#stop.signal,
    );
  }

  get connected(): boolean {
    return this.#client?.peer !== undefined;
  }

  async call<M extends MethodOf<'transporter'>>(method: M, params: Params<M>, signal: AbortSignal): Promise<Result<M>> {
    const client = this.#client;
    if (client === undefined)
      throw fail('director-away', `No connection to the Director at ${this.#where.url} was begun`);
    const peer = await this.#within(PATIENCE, signal, (limit) => client.connected(limit));
    return this.#within(LONGEST_ANSWER, signal, (limit) => peer.call(method, params, limit));
  }

  notify<M extends MethodOf<'transporter'>>(method: M, params: Params<M>): void {
    this.#client?.peer?.notify(method, params);
  }

  /** Hangs up; the next connection is made at once, and presents the identity of then. */
  async reconnect(): Promise<void> {
    await this.#client?.peer?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('stopping', 'The Transporter is stopping'));
    await this.#client?.close();
  }

  /** Runs `step` with a limit in ms; running into it is a Director that is away. */
  async #within<T>(limit: number, signal: AbortSignal, step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = AbortSignal.timeout(limit);
    try {
      return await step(AbortSignal.any([signal, this.#stop.signal, over]));
    } catch (thrown) {
      signal.throwIfAborted();
      this.#stop.signal.throwIfAborted();
      if (!over.aborted) throw thrown;
      throw fail('director-away', `The Director at ${this.#where.url} does not answer: ${this.#lastFailure}`);
    }
  }

  async #greet(peer: ControlPeer, { hello, onGreeted, onConnected }: Conversation): Promise<void> {
    const { signal } = this.#stop;
    await onGreeted(await this.#within(LONGEST_ANSWER, signal, (limit) => peer.call('hello', hello(), limit)));
    this.#lastFailure = '';
    this.#log.info('connected to the Director');
    // Calls go through once the greeting is over, which is after this function has returned.
    void this.#client?.connected(signal).then(onConnected, () => {});
  }

  /** The same trouble again and again is one line in the log. */
  #report(failure: Failure): void {
    const level = failure.message === this.#lastFailure ? 'debug' : 'warn';
    this.#lastFailure = failure.message;
    this.#log[level]({ failure }, 'no connection to the Director');
  }
}
