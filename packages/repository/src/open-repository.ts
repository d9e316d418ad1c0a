import { randomBytes } from 'node:crypto';
import { Failure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import { CONFIG_LENGTH, decodeConfig, encodeConfig, type RepositoryConfig } from './format/config.ts';
import { PackTable } from './index/pack-table.ts';
import { CONFIG_NAME, isUuid } from './layout.ts';
import { Lease } from './lease.ts';
import { LeastLocks } from './least-locks.ts';
import { type LoadOptions, loadPacks, removeLeftovers } from './load-packs.ts';
import { PointLocks } from './point-locks.ts';
import { PointShelf } from './point-shelf.ts';
import { loadPoints, removeOrphanedReferences, storedPoints } from './points.ts';
import { RemovalLog } from './removals.ts';
import type { Repository } from './repository.ts';
import { ServedRepository } from './served-repository.ts';
import type { Store } from './store/store.ts';

/** Makes a new, empty, unencrypted repository. */
export async function createRepository(store: Store): Promise<{ id: string }> {
  const id = crypto.randomUUID();
  const config = encodeConfig({ id: uuidBytes(id), dedupSecret: randomBytes(32), createdAt: Date.now() });
  try {
    await store.publish(CONFIG_NAME, config);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'file-exists') {
      throw fail('repository-exists', `There is a repository at ${store.location} already.`);
    }
    throw thrown;
  }
  return { id };
}

export interface OpenRepositoryOptions {
  /** UUID of the Transporter that opens it. */
  holder: string;
  /** Needs no lease, writes nothing, and shows the repository as it is at this moment. */
  readOnly?: boolean;
}

/** Takes the lease, salvages torn packs, builds the index from the footers of all packs, and reads all points. */
export async function openRepository(store: Store, options: OpenRepositoryOptions): Promise<Repository> {
  if (!isUuid(options.holder)) throw fail('repository-in-use', `${options.holder} is no UUID of a Transporter.`);
  const readOnly = options.readOnly ?? false;
  await using held = new AsyncDisposableStack();
  held.use(store);
  const config = await readConfig(store);
  const lease = readOnly ? undefined : held.use(await Lease.take(store, options.holder));
  if (lease !== undefined) await Promise.all([removeLeftovers(store), removeOrphanedReferences(store)]);
  const problems: Failure[] = [];
  const onProblem = (failure: Failure) => problems.push(failure);
  const table = new PackTable();
  // Points before packs: what a point refers to was durable before the point was, so the packs seen later hold it.
  const { shelf, clock } = await openShelf(store, { readOnly, onProblem });
  const storedBytes = await loadPacks(store, table, { readOnly, onProblem });
  const freeBytes = await store.freeBytes();
  held.move();
  return new ServedRepository({ store, config, lease, table, shelf, clock, problems, storedBytes, freeBytes });
}

async function openShelf(store: Store, options: LoadOptions): Promise<{ shelf: PointShelf; clock: RepositoryClock }> {
  const { onProblem } = options;
  const points = await loadPoints(store, onProblem);
  const locks = await PointLocks.load(store, onProblem);
  if (!options.readOnly) await locks.forgetAllBut(await storedPoints(store));
  const removals = await RemovalLog.load(store);
  const leastLocks = await LeastLocks.load(store, onProblem);
  const newest = points.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
  const latest = Math.max(newest, locks.newestTime, leastLocks.newestTime, removals.newestTime);
  const clock = new RepositoryClock(latest, !locks.isEmpty, onProblem);
  return { clock, shelf: new PointShelf({ store, clock, points, locks, leastLocks, removals }) };
}

async function readConfig(store: Store): Promise<RepositoryConfig> {
  try {
    const { tail, length } = await store.readTail(CONFIG_NAME, CONFIG_LENGTH * 64);
    if (length > CONFIG_LENGTH * 64) throw fail('format-damaged', `The repository config has ${length} bytes.`);
    return decodeConfig(tail);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    if (thrown.code === 'file-missing') {
      throw fail('repository-not-found', `There is no repository at ${store.location}.`, { cause: thrown });
    }
    const { code, kind, message, advice } = thrown;
    throw new Failure(code, kind, `${store.location}: ${message}`, { advice, cause: thrown });
  }
}
