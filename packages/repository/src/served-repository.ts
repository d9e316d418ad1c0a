import type { Failure } from '@sealift/core';
import { type ChunkType, type RunRecord, uuidText } from '@sealift/crypto';
import { RepositoryEncryption } from './at-rest/repository-encryption.ts';
import { type Rotation, rotateMasterKey } from './at-rest/rotate-master-key.ts';
import { readAuthorities } from './authorities.ts';
import { type ChunkWriter, GroupWriter, type WriterHost } from './chunk-writer.ts';
import type { RepositoryClock } from './clock.ts';
import { checkCommit } from './commit.ts';
import { fail } from './failures.ts';
import type { RepositoryConfig } from './format/config.ts';
import type { DecodedKeyTable } from './format/key-table.ts';
import { ZONE_LENGTH } from './format/limits.ts';
import { openManifest } from './format/recovery-point.ts';
import type { Lookup } from './index/pack-table.ts';
import { isUuid, pointName, sparePointName } from './layout.ts';
import type { Lease } from './lease.ts';
import { type PointCopy, pointCopy } from './point-copy.ts';
import { readPointFile } from './point-file.ts';
import { PointRetention } from './point-retention.ts';
import { runsOfPoint } from './point-runs.ts';
import type { PointShelf } from './point-shelf.ts';
import { type PointRecord, pointRecord } from './points.ts';
import { readChunk } from './read-chunk.ts';
import { type RecordHost, RecordReader } from './read-record.ts';
import { type ReferenceCollector, SpilledReferences } from './references.ts';
import type { Removal } from './removals.ts';
import type { PointRuns, PointToCommit, Repository, RepositoryStats } from './repository.ts';
import type { Sessions } from './sessions.ts';
import type { SnapshotKeeper } from './snapshot/snapshot-keeper.ts';
import { type CollectHost, collect as collectPacks } from './upkeep/collect.ts';
import type { CollectOptions, CollectReport, Resealing } from './upkeep/collection.ts';
import { Collector } from './upkeep/collector.ts';
import type { UpkeepHost } from './upkeep/host.ts';
import { type Repair, type RepairOptions, repairRepository } from './upkeep/repair.ts';
import { type Verification, type VerifyOptions, verifyRepository } from './upkeep/verify.ts';

/** What an open repository is made of. */
export interface Parts extends RecordHost {
  config: RepositoryConfig;
  /** There when it is encrypted at rest. */
  keyTable: DecodedKeyTable | undefined;
  /** Absent when opened for reading. */
  lease: Lease | undefined;
  /** Absent when opened for reading. */
  sessions: Sessions | undefined;
  /** Absent when opened for reading, and where there is no place for them. */
  snapshots: SnapshotKeeper | undefined;
  shelf: PointShelf;
  clock: RepositoryClock;
  problems: Failure[];
  storedBytes: number;
  /** Undefined where the store cannot tell. */
  freeBytes: number | undefined;
}

interface RightToWrite {
  lease: Lease;
  sessions: Sessions;
}

export class ServedRepository implements Repository {
  readonly id: string;
  readonly encryption: RepositoryEncryption | undefined;
  readonly readOnly: boolean;
  readonly problems: readonly Failure[];
  readonly #parts: Parts;
  readonly #writers = new Set<ChunkWriter>();
  readonly #references = new Set<ReferenceCollector>();
  readonly #writerHost: WriterHost;
  readonly #records: RecordReader;
  readonly #collector = new Collector();
  readonly #retention: PointRetention;
  /** Commits, removals and what is kept of points change one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.id = uuidText(parts.config.id);
    const host = { store: parts.store, confirmWritable: () => this.#writable().lease.confirm() };
    this.encryption = parts.keyTable && new RepositoryEncryption(host, parts.keyTable);
    this.readOnly = parts.lease === undefined;
    this.problems = parts.problems;
    this.#records = new RecordReader(parts);
    this.#retention = new PointRetention(parts.store, parts.table);
    this.#writerHost = {
      store: parts.store,
      table: parts.table,
      pending: new Map(),
      assertLeaseHeld: () => parts.lease?.assertHeld(),
      confirmLease: async () => parts.lease?.confirm(),
      onPackFinished: (length) => this.#onStored(length),
      onClosed: (writer) => this.#writers.delete(writer),
    };
  }

  get dedupSecret(): Buffer {
    return this.encryption === undefined ? this.#parts.config.dedupSecret : this.encryption.dedupSecret;
  }

  lookup(zone: Buffer, id: Buffer): Lookup {
    return this.#parts.table.lookup(zone, id);
  }

  writer(session: { zone: Buffer; run?: RunRecord; pointId?: string }): ChunkWriter {
    const { sessions } = this.#writable();
    if (session.zone.length !== ZONE_LENGTH) throw fail('wrong-zone', `A zone of ${session.zone.length} bytes.`);
    const own = session.zone.equals(this.#parts.config.id);
    if (own !== (session.run === undefined)) {
      throw fail('wrong-zone', 'A run is given for exactly the zones of source-side encryption.');
    }
    const sealUnder = own ? this.encryption?.newRun() : undefined;
    const handle = sessions.begin(session.pointId);
    const packed = publicSession({ run: sealUnder, ...session });
    const writer = new GroupWriter(this.#writerHost, packed, handle, sealUnder);
    this.#writers.add(writer);
    return writer;
  }

  async readChunk(zone: Buffer, id: Buffer, signal?: AbortSignal): Promise<{ type: ChunkType; body: Buffer }> {
    const sealed = this.encryption !== undefined && zone.equals(this.#parts.config.id);
    const open = sealed ? this.encryption : undefined;
    const from = { records: this.#records, parts: this.#parts, encryption: open };
    const { type, body } = await readChunk(from, { zone, id }, signal);
    return { type, body };
  }

  async points(): Promise<PointRecord[]> {
    return this.#parts.shelf.list();
  }

  async readPoint(id: string): Promise<{ manifest: Buffer; record: PointRecord }> {
    const record = this.#parts.shelf.get(id);
    if (record === undefined)
      throw fail('point-missing', `There is no recovery point ${id} in ${this.#parts.store.location}.`);
    const { file, opened } = await readPointFile(this.#parts.store, id);
    if (!opened.hash.equals(record.hash))
      throw fail('point-damaged', `Recovery point ${id} was replaced by another file.`);
    return { manifest: file, record };
  }

  pointRuns(id: string): Promise<PointRuns> {
    return runsOfPoint(this.#parts.store, this.#parts.table, id);
  }

  authorities(): Promise<Buffer[]> {
    return readAuthorities(this.#parts.store);
  }

  async pointCopy(id: string): Promise<PointCopy> {
    const { manifest } = await this.readPoint(id);
    return pointCopy({ parts: this.#parts, records: this.#records }, manifest);
  }

  async references(of: { pointId: string; zone: Buffer }): Promise<ReferenceCollector> {
    const { sessions } = this.#writable();
    if (!isUuid(of.pointId)) throw fail('point-refused', 'The id of a recovery point is no UUID.');
    const { store, table } = this.#parts;
    const handle = sessions.begin(of.pointId);
    const onClosed = (closed: ReferenceCollector) => {
      handle.end();
      this.#references.delete(closed);
    };
    try {
      const references = await SpilledReferences.begin({ store, table, onClosed }, of);
      this.#references.add(references);
      return references;
    } catch (thrown) {
      handle.end();
      throw thrown;
    }
  }

  commitPoint(commit: PointToCommit): Promise<PointRecord> {
    return this.#inTurn(({ sessions }) => this.#commit(commit, sessions));
  }

  lockPoint(id: string, until: number): Promise<PointRecord> {
    return this.#inTurn(async () => this.#retention.keep(await this.#parts.shelf.lock(id, until)));
  }

  holdPoint(id: string, reason: string): Promise<PointRecord> {
    return this.#inTurn(() => this.#parts.shelf.hold(id, reason));
  }

  releasePoint(id: string): Promise<PointRecord> {
    return this.#inTurn(() => this.#parts.shelf.release(id));
  }

  removePoint(id: string, of: { reason: string }): Promise<void> {
    return this.#inTurn(({ lease }) => this.#parts.shelf.remove(id, of.reason, () => lease.confirm()));
  }

  async collect(options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
    return await this.#collector.run(this.#collectHost(), options, signal);
  }

  async rotateMasterKey(options: CollectOptions & { resumed: boolean }, signal: AbortSignal): Promise<Rotation> {
    const { encryption } = this;
    const { store } = this.#parts;
    const epochsInUse = () => {
      const writing = [...this.#writers].flatMap(({ sealUnder }) => (sealUnder === undefined ? [] : [sealUnder.epoch]));
      return new Set([...writing, ...this.#parts.table.masterEpochs()]);
    };
    const rotate = (either: AbortSignal) => {
      const collect = (resealing: Resealing) => collectPacks({ ...this.#collectHost(), resealing }, options, either);
      return rotateMasterKey({ encryption, location: store.location, collect, epochsInUse }, options);
    };
    return await this.#collector.alone(store.location, rotate, signal);
  }

  get leastLock(): number {
    return this.#parts.shelf.leastLock;
  }

  lengthenLeastLock(period: number): Promise<void> {
    return this.#inTurn(() => this.#parts.shelf.lengthenLeastLock(period));
  }

  removals(limit: number): Promise<Removal[]> {
    return this.#parts.shelf.removed(limit);
  }

  now(): number {
    return this.#parts.clock.now();
  }

  stats(): RepositoryStats {
    void this.#measure();
    const { table, storedBytes, freeBytes } = this.#parts;
    const figures = { points: this.#parts.shelf.size, chunks: table.chunkCount, storedBytes };
    return freeBytes === undefined ? figures : { ...figures, freeBytes };
  }

  verify(options: VerifyOptions, signal?: AbortSignal): Promise<Verification> {
    return verifyRepository(this.#upkeepHost(), options, signal);
  }

  async repair(options: RepairOptions, signal?: AbortSignal): Promise<Repair> {
    const lease = options.dryRun === true ? undefined : this.#writable().lease;
    const onStored = (bytes: number) => this.#onStored(bytes);
    const host = { ...this.#upkeepHost(), onStored, confirmLease: async () => lease?.confirm() };
    return await this.#collector.alone(
      host.store.location,
      (either) => repairRepository(host, options, either),
      signal,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #inTurn<T>(change: (right: RightToWrite) => Promise<T>): Promise<T> {
    const turn = this.#changing.then(async () => {
      const right = this.#writable();
      await right.lease.confirm();
      return change(right);
    });
    this.#changing = turn.catch(() => {});
    return turn;
  }

  async #commit(commit: PointToCommit, sessions: Sessions): Promise<PointRecord> {
    const { store, table, config, shelf, clock } = this.#parts;
    const opened = openManifest(commit.manifest);
    const { pointId } = opened.manifest;
    if (pointId !== commit.pointId)
      throw fail('point-refused', `The manifest of ${pointId} was sent for ${commit.pointId}.`);
    const known = shelf.get(pointId);
    if (known?.hash.equals(opened.hash)) return this.#retention.keep(known);
    if (known !== undefined) throw fail('point-exists', `A different recovery point ${pointId} is there already.`);
    if (!(commit.references instanceof SpilledReferences))
      throw fail('point-refused', 'These references are not ours.');
    // Until the point is there, what was found is kept by this session alone.
    const session = sessions.begin(pointId);
    try {
      checkCommit(opened.manifest, commit.references, await commit.references.finish(), { id: config.id, table });
      const record = pointRecord(opened, await commit.references.publish(clock.now()));
      await shelf.lockAhead(record, commit.lockFor ?? 0);
      await store.publish(pointName(pointId), commit.manifest);
      shelf.add(record);
      // The point is there; what keeps its second copy from being written is made good by the next collection.
      await store.publish(sparePointName(pointId), commit.manifest).catch(() => {});
    } finally {
      session.end();
    }
    await sessions.committed(pointId);
    return this.#retention.keep(shelf.demand(pointId));
  }

  #collectHost(): CollectHost {
    const { lease, sessions } = this.#writable();
    const { store, table } = this.#parts;
    const onStored = (bytes: number) => this.#onStored(bytes);
    const keepSpare = (id: string) => this.#inTurn(() => this.#parts.shelf.keepSpare(id));
    return { store, table, sessions, onStored, confirmLease: () => lease.confirm(), keepSpare };
  }

  #upkeepHost(): UpkeepHost {
    const { store, config, table } = this.#parts;
    const { encryption, readOnly } = this;
    return { store, config, table, encryption, readOnly, points: () => this.points() };
  }

  #writable(): RightToWrite {
    const { lease, sessions } = this.#parts;
    if (this.#closing !== undefined) throw fail('repository-closed', `The repository ${this.id} was closed.`);
    if (lease === undefined || sessions === undefined)
      throw fail('opened-read-only', `The repository ${this.id} was opened for reading.`);
    return { lease, sessions };
  }

  #onStored(bytes: number): void {
    this.#parts.storedBytes += bytes;
    this.#parts.snapshots?.consider();
    void this.#measure();
  }

  async #measure(): Promise<void> {
    // Free space is advice to people: an unanswered question leaves the last answer.
    const measured = await this.#parts.store.freeBytes().catch(() => undefined);
    if (measured !== undefined) this.#parts.freeBytes = measured;
  }

  async #close(): Promise<void> {
    const { lease, sessions, snapshots, store } = this.#parts;
    await using held = new AsyncDisposableStack();
    for (const part of [store, lease, sessions, snapshots]) held.use(part);
    await this.#collector[Symbol.asyncDispose]();
    await this.#changing;
    held.defer(() => this.encryption?.lock());
    for (const references of this.#references) held.use(references);
    await Promise.all([...this.#writers].map((writer) => writer.close()));
  }
}

/** Only the public part of a run is kept, even if the caller's object carries its key. */
function publicSession({ zone, run }: { zone: Buffer; run?: RunRecord | undefined }): {
  zone: Buffer;
  run?: RunRecord;
} {
  if (run === undefined) return { zone };
  return { zone, run: { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment } };
}
