import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, toFailure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { connectControl } from './connect.ts';
import type { ControlHandlers, ControlPeer } from './peer.ts';

/** First and longest pause between two attempts, ms; jittered by half. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 15_000;

export interface ControlClientOptions {
  /** `wss://host:port` of the Director's control listener. */
  url: string;
  /** Asked before each attempt, so that a renewed certificate is used from the next connection on. */
  identity: () => Identity;
  handlers: ControlHandlers;
  /** Talks only to a Director with post-quantum key exchange. */
  postQuantumOnly?: boolean;
  /**
   * Called on each new connection, before anybody gets it from `connected()`: the place to say `hello`. When it
   * throws, the connection is closed and tried again.
   */
  onConnected: (peer: ControlPeer) => Promise<void> | void;
  /** Told of each failed attempt and lost connection, and of the pause in ms before the next attempt. */
  onDisconnected?: (failure: Failure, pause: number) => void;
}

/** Keeps one control connection to the Director, for as long as it is not closed. */
export interface ControlClient extends AsyncDisposable {
  /** The present connection, if there is one. */
  readonly peer: ControlPeer | undefined;
  /** The present connection, or the next one. */
  connected(signal: AbortSignal): Promise<ControlPeer>;
  close(): Promise<void>;
}

/** Connects, and reconnects with growing, jittered pauses, until `close()` or `signal`. */
export function controlClient(o: ControlClientOptions, signal: AbortSignal): ControlClient {
  const stop = new AbortController();
  const life = new Connections(o, AbortSignal.any([signal, stop.signal]));
  const ended = life.keep();
  const close = async () => {
    stop.abort();
    await ended;
  };
  return {
    get peer() {
      return life.open;
    },
    connected: (patience) => life.next(patience),
    close,
    [Symbol.asyncDispose]: close,
  };
}

class Connections {
  readonly #o: ControlClientOptions;
  readonly #signal: AbortSignal;
  #next = Promise.withResolvers<ControlPeer>();
  #current: ControlPeer | undefined;

  constructor(o: ControlClientOptions, signal: AbortSignal) {
    this.#o = o;
    this.#signal = signal;
  }

  /** One that has ended is none, even before its end was noticed. */
  get open(): ControlPeer | undefined {
    return this.#current?.open === true ? this.#current : undefined;
  }

  async next(patience: AbortSignal): Promise<ControlPeer> {
    const either = AbortSignal.any([patience, this.#signal]);
    either.throwIfAborted();
    if (this.open !== undefined) return this.open;
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(either.reason);
    either.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#next.promise, aborted.promise]);
    } finally {
      either.removeEventListener('abort', onAbort);
    }
  }

  async keep(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.#signal.aborted) {
      const began = performance.now();
      const failure = await this.#once();
      if (this.#signal.aborted) return;
      // A connection that held for a while starts the pauses anew.
      if (performance.now() - began > LONGEST_PAUSE) pause = FIRST_PAUSE;
      const jittered = pause * (0.5 + Math.random());
      this.#o.onDisconnected?.(failure, jittered);
      await sleep(jittered, undefined, { signal: this.#signal }).catch(() => {});
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  /** One connection from dialling to its end; says why it ended. */
  async #once(): Promise<Failure> {
    const whileUp = new AbortController();
    try {
      await using peer = await connectControl({ ...this.#o, identity: this.#o.identity() }, this.#signal);
      const onAbort = () => void peer.close();
      this.#signal.addEventListener('abort', onAbort, { once: true, signal: whileUp.signal });
      await this.#o.onConnected(peer);
      this.#offer(peer);
      return (await peer.closed) ?? fail('disconnected', 'The Director closed the connection.');
    } catch (thrown) {
      return toFailure(thrown);
    } finally {
      whileUp.abort();
      this.#current = undefined;
    }
  }

  #offer(peer: ControlPeer): void {
    this.#current = peer;
    this.#next.resolve(peer);
    // Whoever asks from now on and finds this one ended waits for the one after it.
    this.#next = Promise.withResolvers<ControlPeer>();
  }
}
