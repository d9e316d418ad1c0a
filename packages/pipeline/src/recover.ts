import { describeDomain, type OpenDomain, openDomain, passwordMatches, uuidText } from '@sealift/crypto';
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
import type { Unlock } from './unlock.ts';

/** A repository within reach, read without any daemon. */
class RepositorySource implements PointSource {
  readonly #repository: Repository;
  readonly #unlock: Unlock;
  #zone: Buffer | undefined;

  constructor(repository: Repository, unlock: Unlock) {
    this.#repository = repository;
    this.#unlock = unlock;
  }

  get chunkSecret(): Buffer {
    return this.#repository.dedupSecret;
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

/**
 * The keys of a source-side point from nothing but a password: that of the point, or one that took its place later, whose
 * descriptor is in a newer point of the same domain.
 */
export function keysFromPassword(password: () => Promise<string>, repository: Repository): KeysForRuns {
  return async (runs, descriptor) => {
    const text = await password();
    const domain = await openFirst(text, descriptor, repository);
    if (domain === undefined) throw wrongPassword(descriptor);
    return { idKey: domain.chunkKeys.idKey, runs: runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)) };
  };
}

function wrongPassword(descriptor: Buffer) {
  const { domainId, epoch } = describeDomain(descriptor);
  const name = uuidText(domainId);
  return fail(
    'wrong-password',
    `This is not the password of encryption domain ${name}, epoch ${epoch}, nor a later one.`,
  );
}

async function openFirst(text: string, own: Buffer, repository: Repository): Promise<OpenDomain | undefined> {
  for await (const descriptor of descriptorsOf(own, repository)) {
    const passwordHash = await passwordMatches(text, descriptor);
    if (passwordHash !== undefined) return openDomain(passwordHash, descriptor);
  }
  return undefined;
}

/** That of the point first, then each later one of its domain in the repository, newest first. */
async function* descriptorsOf(own: Buffer, repository: Repository): AsyncGenerator<Buffer, void, undefined> {
  yield own;
  const { domainId, epoch } = describeDomain(own);
  let last = Number.POSITIVE_INFINITY;
  for (const { id, mode } of (await repository.points()).reverse()) {
    if (mode !== 'source-side') continue;
    const { descriptor } = openManifest((await repository.readPoint(id)).manifest, {}).manifest;
    const described = descriptor === undefined ? undefined : describeDomain(descriptor);
    if (descriptor === undefined || !described?.domainId.equals(domainId)) continue;
    if (described.epoch <= epoch || described.epoch >= last) continue;
    last = described.epoch;
    yield descriptor;
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
