import { derivePasswordHash, openDomain } from '@sealift/crypto';
import { openManifest, type Repository } from '@sealift/repository';
import { fail } from './failures.ts';
import { ProgressMeter } from './progress.ts';
import {
  type KeysForRuns,
  type PointOptions,
  type RestoreOutcome,
  type RestoreTarget,
  restorePoint,
} from './restore.ts';
import type { PointSource, StoredChunk } from './transfer/point-source.ts';

/** A repository within reach, read without any daemon. */
class RepositorySource implements PointSource {
  readonly chunkSecret: Buffer;
  readonly #repository: Repository;
  #zone: Buffer | undefined;

  constructor(repository: Repository) {
    this.#repository = repository;
    this.chunkSecret = repository.dedupSecret;
  }

  async readPoint(id: string): Promise<Buffer> {
    const { manifest } = await this.#repository.readPoint(id === 'latest' ? await this.#latest() : id);
    this.#zone = openManifest(manifest, {}).manifest.zone;
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

/** The keys of a source-side point from nothing but its password: everything else is in the point's descriptor. */
export function keysFromPassword(password: () => Promise<string>): KeysForRuns {
  return async (runs, descriptor) => {
    const domain = openDomain(await derivePasswordHash(await password(), descriptor), descriptor);
    return { idKey: domain.chunkKeys.idKey, runs: runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)) };
  };
}

/** Recovers a point with a repository and, for a source-side one, its password: no Director, no network. */
export async function recoverFromRepository(
  repository: Repository,
  options: PointOptions & RestoreTarget,
  signal: AbortSignal,
): Promise<RestoreOutcome> {
  using meter = new ProgressMeter('restoring', options.onProgress, options.onWarning);
  return await restorePoint(new RepositorySource(repository), options, meter, signal);
}
