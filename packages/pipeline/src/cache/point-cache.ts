import type { KeyObject } from 'node:crypto';
import { type Failure, toFailure } from '@sealift/core';
import type { BoundaryRules } from '@sealift/workloads';
import { CacheFileWriter, type CacheToRead, cacheIdentity, findCache } from './cache-file.ts';
import { CacheWriter } from './cache-writer.ts';

/** What a cache is of: everything that has a say in what a walk finds and where its contents end up. */
export interface CacheSubject {
  jobId: string;
  repositoryId: string;
  zone: Buffer;
  roots: { path: Buffer; name: Buffer }[];
  exclude: string[];
  boundaries: BoundaryRules;
}

/**
 * The cache of a job's previous recovery point, read beside the walk, and that of the one being made. Whatever is wrong
 * with either of them costs time only.
 */
export class PointCache implements AsyncDisposable {
  readonly known: CacheToRead | undefined;
  readonly writer: CacheWriter | undefined;
  /** Why there will be none for the next run. */
  failure: Failure | undefined;
  readonly #file: CacheFileWriter | undefined;

  private constructor(known: CacheToRead | undefined, file: CacheFileWriter | undefined) {
    this.known = known;
    this.#file = file;
    this.writer = file === undefined ? undefined : new CacheWriter(file);
  }

  /**
   * @param path of the file, if there is to be a cache at all
   * @param identity of what it is of
   */
  static async open(path: string | undefined, runId: string, idKey: KeyObject, identity: Buffer): Promise<PointCache> {
    if (path === undefined) return new PointCache(undefined, undefined);
    const known = findCache(path, idKey, identity);
    try {
      return new PointCache(known, await CacheFileWriter.create(path, runId, idKey, identity));
    } catch (thrown) {
      const cache = new PointCache(known, undefined);
      cache.failure = toFailure(thrown);
      return cache;
    }
  }

  /** To be called when the recovery point is committed. */
  async makeCurrent(): Promise<void> {
    try {
      await this.#file?.makeCurrent();
    } catch (thrown) {
      this.failure = toFailure(thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
  }
}

export function identityOf({ jobId, repositoryId, zone, roots, exclude, boundaries }: CacheSubject): Buffer {
  const text = (value: string) => Buffer.from(value);
  const { excludeCaches = false, oneFileSystem = false } = boundaries;
  const rules = `${excludeCaches ? '/caches' : ''}${oneFileSystem ? '/one-file-system' : ''}`;
  const counted = Buffer.from(`${roots.length}/${exclude.length}${rules}`);
  const places = roots.flatMap(({ path, name }) => [path, name]);
  return cacheIdentity([text(jobId), text(repositoryId), zone, counted, ...places, ...exclude.map(text)]);
}
