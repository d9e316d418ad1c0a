import { failureFromRecord } from '@sealift/core';
import {
  decodeFetched,
  decodeFetchFailed,
  decodePoint,
  encodeFetch,
  encodeReadPoint,
  MESSAGE,
  type Opened,
} from '@sealift/wire';
import { fail } from '../failures.ts';
import type { PointSource, StoredChunk } from './point-source.ts';
import type { Outgoing, Traffic } from './reconnecting-link.ts';
import { Wake } from './wake.ts';

interface PendingFetch {
  id: Buffer;
  chunk: PromiseWithResolvers<StoredChunk>;
}

/** The restoring end of a restore: questions kept until answered whatever happens to the link. */
export class RestoreSession implements Traffic, PointSource {
  readonly work = new Wake();
  finished = false;
  chunkSecret: Buffer | undefined;
  readonly #fetches = new Map<number, PendingFetch>();
  #unsent: number[] = [];
  #lastRequest = 0;
  #point: { id: string; sent: boolean; manifest: PromiseWithResolvers<Buffer> } | undefined;
  readonly #opened = Promise.withResolvers<void>();
  readonly #over = new AbortController();

  constructor() {
    this.#opened.promise.catch(() => {});
  }

  /** Resolves when the first link is up. */
  opened(): Promise<void> {
    return this.#opened.promise;
  }

  readPoint(id: string): Promise<Buffer> {
    this.#over.signal.throwIfAborted();
    const manifest = Promise.withResolvers<Buffer>();
    this.#point = { id, sent: false, manifest };
    this.work.wake();
    return manifest.promise;
  }

  async fetch(id: Buffer): Promise<StoredChunk> {
    this.#over.signal.throwIfAborted();
    const request = ++this.#lastRequest;
    const chunk = Promise.withResolvers<StoredChunk>();
    this.#fetches.set(request, { id, chunk });
    this.#unsent.push(request);
    this.work.wake();
    return chunk.promise;
  }

  finish(): void {
    this.finished = true;
    this.work.wake();
  }

  /** Everybody who waits for the target learns why it will not answer. */
  fail(error: unknown): void {
    this.#over.abort(error);
    this.#opened.reject(error);
    this.#point?.manifest.reject(error);
    for (const { chunk } of this.#fetches.values()) chunk.reject(error);
  }

  restart(opened: Opened): void {
    this.chunkSecret = opened.chunkSecret;
    this.#unsent = [...this.#fetches.keys()];
    if (this.#point !== undefined) this.#point.sent = false;
    this.#opened.resolve();
  }

  async next(): Promise<Outgoing | undefined> {
    const point = this.#point;
    if (point !== undefined && !point.sent) {
      point.sent = true;
      return { kind: MESSAGE.readPoint, parts: encodeReadPoint(point.id) };
    }
    const request = this.#unsent.shift();
    const pending = request === undefined ? undefined : this.#fetches.get(request);
    if (request === undefined || pending === undefined) return undefined;
    return { kind: MESSAGE.fetch, parts: encodeFetch({ request, ids: pending.id }) };
  }

  receive(kind: number, payload: Buffer): void {
    if (kind === MESSAGE.fetched) {
      const { request, id, type, body } = decodeFetched(payload);
      this.#take(request, id).resolve({ type, body });
    } else if (kind === MESSAGE.fetchFailed) {
      const { request, id, failure } = decodeFetchFailed(payload);
      this.#take(request, id).reject(failureFromRecord(failure));
    } else if (kind === MESSAGE.point && this.#point !== undefined) {
      this.#point.manifest.resolve(decodePoint(payload));
      this.#point = undefined;
    } else {
      throw fail('protocol-violation', `The target sent message ${kind}, which has no place in a restore.`);
    }
  }

  #take(request: number, id: Buffer): PromiseWithResolvers<StoredChunk> {
    const pending = this.#fetches.get(request);
    if (!pending?.id.equals(id)) throw fail('protocol-violation', 'The target sent a chunk that was not asked for.');
    this.#fetches.delete(request);
    return pending.chunk;
  }
}
