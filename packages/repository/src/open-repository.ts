import { randomBytes } from 'node:crypto';
import { Failure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { publishKeyTable, readKeyTable, removeTables } from './at-rest/key-table-file.ts';
import { MasterKeys } from './at-rest/master-keys.ts';
import { keepAuthority } from './authorities.ts';
import { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import { encodeConfig, type RepositoryConfig } from './format/config.ts';
import type { DecodedKeyTable, SlotDescription } from './format/key-table.ts';
import type { ZoneSecret } from './format/zone-secret.ts';
import { PackTable } from './index/pack-table.ts';
import { CONFIG_NAME, isUuid } from './layout.ts';
import { Lease, servingTerms } from './lease.ts';
import { LeastLocks } from './least-locks.ts';
import { type LoadOptions, loadPacks, removeLeftovers } from './load-packs.ts';
import type { MetadataCache } from './metadata-cache.ts';
import type { Parts } from './parts.ts';
import { PointLocks } from './point-locks.ts';
import { PointShelf } from './point-shelf.ts';
import { loadPoints, removeOrphanedReferences, storedPoints } from './points.ts';
import { CONFIG_COPIES, keepSpareConfig, readConfig, type StoredConfig } from './read-config.ts';
import { RemovalLog } from './removals.ts';
import type { Repository } from './repository.ts';
import { ServedRepository } from './served-repository.ts';
import { Sessions } from './sessions.ts';
import { SnapshotKeeper } from './snapshot/snapshot-keeper.ts';
import { snapshotPlace } from './snapshot/snapshot-place.ts';
import type { IndexMemory } from './spill/index-memory.ts';
import type { Store } from './store/store.ts';
import { InFlightZones } from './zones/in-flight-zones.ts';
import { keepBothCopies, readZoneFiles } from './zones/zone-files.ts';

/** The first key slot of a repository that is encrypted at rest. */
export interface FirstSlot {
  slot: SlotDescription;
  /** 32 bytes. */
  slotKey: Buffer;
}

/** Makes a new, empty repository; with `encryption`, encrypted at rest. It exists once its config does. */
export async function createRepository(store: Store, encryption?: FirstSlot): Promise<{ id: string }> {
  const id = crypto.randomUUID();
  const encrypted = encryption !== undefined;
  const config = { id: uuidBytes(id), encrypted, dedupSecret: randomBytes(32), createdAt: Date.now() };
  for (const name of CONFIG_COPIES) if (await isThere(store, name)) throw exists(store);
  if (encryption !== undefined) await publishFirstTable(store, config.id, encryption);
  try {
    await store.publish(CONFIG_NAME, encodeConfig(config));
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'file-exists') {
      throw exists(store);
    }
    throw thrown;
  }
  // What keeps the second copy from being written is told at the next opening, which makes it good.
  await keepSpareConfig(store, config, () => {});
  return { id };
}

async function publishFirstTable(store: Store, repositoryId: Buffer, { slot, slotKey }: FirstSlot): Promise<void> {
  await removeTables(store, () => true);
  const keys = MasterKeys.create(repositoryId);
  await publishKeyTable(store, 1, keys.encode(1, [keys.slot(slot, slotKey)]));
  keys.erase();
}

async function isThere(store: Store, name: string): Promise<boolean> {
  try {
    // One byte rather than none: object storage says why it refuses only where an answer may have a body.
    await store.readTail(name, 1);
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'file-missing') return false;
    throw thrown;
  }
}

function exists(store: Store): Failure {
  return fail('repository-exists', `There is a repository at ${store.location} already.`);
}

export interface OpenRepositoryOptions {
  /** UUID of the Transporter that opens it. */
  holder: string;
  /** Needs no lease, writes nothing, and shows the repository as it is at this moment. */
  readOnly?: boolean;
  /** Known before it is opened; comes first among its problems. */
  trouble?: Failure;
  /** Copies on this machine of what opening reads; for stores that are far away. */
  cache?: MetadataCache;
  /** What the index may take of the memory of this machine, with a folder for the rest; all it needs unless given. */
  indexMemory?: IndexMemory;
  /** Certificate of the authority of this installation, PEM: kept beside the points that are made under it. */
  authority?: string;
}

/**
 * Takes the lease, salvages torn packs, builds the index from a snapshot and the footers of all packs that are not in it, and reads all points. One that is
 * encrypted at rest is locked until `encryption.unlock` was called.
 */
export async function openRepository(store: Store, options: OpenRepositoryOptions): Promise<Repository> {
  if (!isUuid(options.holder)) throw fail('repository-in-use', `${options.holder} is no UUID of a Transporter.`);
  const readOnly = options.readOnly ?? false;
  await using held = new AsyncDisposableStack();
  held.use(store);
  const stored = await readConfig(store);
  const { config, damage } = stored;
  const lease = readOnly ? undefined : held.use(await Lease.take(store, options.holder, servingTerms(store)));
  if (lease !== undefined) await Promise.all([removeLeftovers(store), removeOrphanedReferences(store)]);
  const keyTable = config.encrypted ? await readKeyTable(store, config.id) : undefined;
  const problems: Failure[] = [options.trouble, damage].filter((failure) => failure !== undefined);
  const onProblem = (failure: Failure) => problems.push(failure);
  const { zones, zoneSecrets, halved } = await openZones(store, config, keyTable, onProblem);
  const sealed = keyTable && { zones, epochs: epochsOf(keyTable) };
  const loading = { readOnly, onProblem, cache: options.cache, sealed };
  if (lease !== undefined) {
    await keepBeside(store, stored, options.authority, onProblem);
    for (const secret of halved) await keepBothCopies(store, secret, onProblem);
  }
  const table = held.use(new PackTable(config.id, options.indexMemory, zones));
  // Points before packs: what a point refers to was durable before the point was, so the packs seen later hold it.
  const { shelf, clock } = await openShelf(store, loading);
  const { storedBytes, saved } = await loadPacks(store, table, loading);
  const isCommitted = (pointId: string) => shelf.get(pointId) !== undefined;
  const sessions = lease && held.use(await Sessions.load(store, clock, table.epochs, isCommitted));
  const place = snapshotPlace(store, options.cache);
  const confirmLease = async () => lease?.confirm();
  const snapshots = lease && place && new SnapshotKeeper({ place, table, saved, confirmLease });
  const freeBytes = await store.freeBytes();
  held.move();
  const parts: Parts = {
    ...{
      store,
      config,
      zones,
      zoneSecrets,
      lease,
      table,
      keyTable,
      sessions,
      snapshots,
      shelf,
      clock,
      problems,
      storedBytes,
      freeBytes,
    },
    reload: readOnly ? () => reload(parts, options) : undefined,
  };
  snapshots?.consider();
  return new ServedRepository(parts);
}

/** What stands beside the config and can be written at any time. */
async function keepBeside(
  store: Store,
  { config, spareMissing }: StoredConfig,
  authority: string | undefined,
  onProblem: (failure: Failure) => void,
): Promise<void> {
  if (spareMissing) await keepSpareConfig(store, config, onProblem);
  if (authority !== undefined) await keepAuthority(store, authority, onProblem);
}

interface OpenedZones {
  zones: InFlightZones;
  zoneSecrets: Map<string, Buffer>;
  /** Those of which one copy is not there. */
  halved: ZoneSecret[];
}

/** Zones of other repositories are in the key table where there is one, else in files of their own. */
async function openZones(
  store: Store,
  { id }: RepositoryConfig,
  keyTable: DecodedKeyTable | undefined,
  onProblem: (failure: Failure) => void,
): Promise<OpenedZones> {
  if (keyTable !== undefined) {
    const sealed = keyTable.zones.map(({ zone }) => zone);
    return { zones: new InFlightZones(id, sealed), zoneSecrets: new Map(), halved: [] };
  }
  const { secrets, halved } = await readZoneFiles(store, id, onProblem);
  const zones = new InFlightZones(
    id,
    secrets.map(({ zone }) => zone),
  );
  const zoneSecrets = new Map(secrets.map(({ zone, dedupSecret }) => [zone.toString('hex'), dedupSecret]));
  return { zones, zoneSecrets, halved };
}

function epochsOf({ epoch, earlier }: DecodedKeyTable): Set<number> {
  return new Set([epoch, ...earlier.map((key) => key.epoch)]);
}

/** What is in the packs now, in place of what was in them at the opening. */
async function reload(parts: Parts, { cache, indexMemory }: OpenRepositoryOptions): Promise<void> {
  const table = new PackTable(parts.config.id, indexMemory, parts.zones);
  // What is running may look up in the old one until it ends.
  for (const index of parts.table.indexes()) indexMemory?.delete(index);
  const { storedBytes } = await loadPacks(parts.store, table, { readOnly: true, onProblem: () => {}, cache });
  parts.storedBytes = storedBytes;
  parts.table = table;
}

async function openShelf(store: Store, options: LoadOptions): Promise<{ shelf: PointShelf; clock: RepositoryClock }> {
  const { onProblem } = options;
  const points = await loadPoints(store, options);
  const locks = await PointLocks.load(store, onProblem);
  if (!options.readOnly) await locks.forgetAllBut(await storedPoints(store));
  const removals = await RemovalLog.load(store);
  const leastLocks = await LeastLocks.load(store, onProblem);
  const newest = points.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
  const latest = Math.max(newest, locks.newestTime, leastLocks.newestTime, removals.newestTime);
  const clock = new RepositoryClock(latest, !locks.isEmpty, onProblem);
  return { clock, shelf: new PointShelf({ store, clock, points, locks, leastLocks, removals }) };
}
