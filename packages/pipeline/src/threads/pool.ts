import { type Transferable, Worker } from 'node:worker_threads';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import { type Handlers, type Methods, ThreadChannel } from './channel.ts';

/** Heap limits of a worker: its bulk data is in buffers outside the heap, so a small young generation is enough. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 256 };

interface Member<Theirs extends Methods, Ours extends Methods> {
  worker: Worker;
  channel: ThreadChannel<Theirs, Ours>;
}

/**
 * Worker threads that run the same script; each call goes to the least busy one. A thread is started when all those
 * that run have something to do: it takes a tenth of a second and its memory, which a run of little work can do without.
 */
export class ThreadPool<Theirs extends Methods, Ours extends Methods> implements AsyncDisposable {
  readonly #members: Member<Theirs, Ours>[] = [];
  readonly #start: () => Member<Theirs, Ours>;
  readonly size: number;

  /** @param workerData handed to each worker at its start */
  constructor(script: URL, size: number, workerData: unknown, handlers: Handlers<Ours>) {
    this.size = size;
    this.#start = () => startMember(script, workerData, handlers);
    this.#startNext();
  }

  call<K extends keyof Theirs & string>(
    method: K,
    params: Theirs[K][0],
    transfer: Transferable[] = [],
  ): Promise<Theirs[K][1]> {
    const leastBusy = this.#members.reduce((best, next) => (next.channel.pending < best.channel.pending ? next : best));
    const full = this.#members.length >= this.size;
    const member = leastBusy.channel.pending === 0 || full ? leastBusy : this.#startNext();
    return member.channel.call(method, params, transfer);
  }

  /** The channel to one particular worker, for work that must stay together. */
  member(index: number): ThreadChannel<Theirs, Ours> {
    while (this.#members.length <= index % this.size) this.#startNext();
    return (this.#members[index % this.size] as Member<Theirs, Ours>).channel;
  }

  #startNext(): Member<Theirs, Ours> {
    const member = this.#start();
    this.#members.push(member);
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }
}

function startMember<Theirs extends Methods, Ours extends Methods>(
  script: URL,
  workerData: unknown,
  handlers: Handlers<Ours>,
): Member<Theirs, Ours> {
  const worker = new Worker(script, { workerData, resourceLimits: WORKER_LIMITS });
  const channel = new ThreadChannel<Theirs, Ours>(worker, handlers);
  worker.on('error', (thrown) => channel.close(toFailure(thrown)));
  worker.on('exit', (code) => channel.close(fail('worker-died', `A worker thread ended with code ${code}.`)));
  return { worker, channel };
}
