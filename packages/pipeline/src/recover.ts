import { openManifest, type Repository } from '@sealift/repository';
import { fail } from './failures.ts';
import { ProgressMeter } from './progress.ts';
import { type PointOptions, type RestoreOutcome, type RestoreTarget, restorePoint } from './restore.ts';
import type { PointSource, StoredChunk } from './transfer/point-source.ts';
import type { Unlock } from './unlock.ts';

/** A repository within reach, read without any daemon. */
export class RepositorySource implements PointSource {
  readonly #repository: Repository;
  readonly #unlock: Unlock;
  #zone: Buffer | undefined;

  constructor(repository: Repository, unlock: Unlock) {
    this.#repository = repository;
    this.#unlock = unlock;
  }

  get chunkSecret(): Buffer {
    const { zones, dedupSecret } = this.#repository;
    return this.#zone === undefined ? dedupSecret : zones.of(this.#zone);
  }

  /** Source-side points are ciphertext of their own and need nothing of the repository's keys. */
  async readPoint(id: string): Promise<Buffer> {
    const { manifest } = await this.#repository.readPoint(id === 'latest' ? await this.#latest() : id);
    const { zone, mode } = openManifest(manifest, {}).manifest;
    this.#zone = zone;
    const { encryption } = this.#repository;
    if (mode === 'in-flight' && encryption?.locked) await this.#unlock(encryption);
    return manifest;
  }

  fetch(id: Buffer): Promise<StoredChunk> {
    if (this.#zone === undefined) throw new Error('chunks are fetched after their recovery point is read');
    return this.#repository.readChunk(this.#zone, id);
  }

  async #latest(): Promise<string> {
    const points = await this.#repository.points();
    const newest = points.reduce<(typeof points)[number] | undefined>(
      (best, point) => (best === undefined || point.createdAt > best.createdAt ? point : best),
      undefined,
    );
    if (newest === undefined) throw fail('point-unknown', 'The repository holds no recovery point.');
    return newest.id;
  }
}

/** Recovers a point with a repository and, for a source-side one, its password: no Director, no network. */
export async function recoverFromRepository(
  repository: Repository,
  options: PointOptions & RestoreTarget & { unlock: Unlock },
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  using meter = new ProgressMeter('restoring', options.onProgress, options.onWarning);
  return await restorePoint(new RepositorySource(repository, options.unlock), options, meter, signal);
}
