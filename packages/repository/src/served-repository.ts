import type { Failure } from '@sealift/core';
import { type ChunkType, type RunRecord, uuidText } from '@sealift/crypto';
import { RepositoryEncryption } from './at-rest/repository-encryption.ts';
import type { Rotation } from './at-rest/rotate-master-key.ts';
import { readAuthorities } from './authorities.ts';
import { type ChunkWriter, GroupWriter, type WriterHost } from './chunk-writer.ts';
import { checkCommit } from './commit.ts';
import { mendList, publishPoint } from './commit-again.ts';
import { fail } from './failures.ts';
import { ZONE_LENGTH } from './format/limits.ts';
import { openManifest } from './format/recovery-point.ts';
import type { Lookup } from './index/pack-table.ts';
import { isUuid } from './layout.ts';
import { type Parts, type RightToWrite, rightToWrite } from './parts.ts';
import { type PointCopy, pointCopy } from './point-copy.ts';
import { readPointFile } from './point-file.ts';
import { PointRetention } from './point-retention.ts';
import { runsOfPoint } from './point-runs.ts';
import { type PointRecord, pointRecord } from './points.ts';
import { type ReadFrom, readChunk } from './read-chunk.ts';
import { RecordReader } from './read-record.ts';
import { type ReferenceCollector, SpilledReferences } from './references.ts';
import type { Removal } from './removals.ts';
import type { PointRuns, PointToCommit, Repository, RepositoryStats } from './repository.ts';
import type { Sessions } from './sessions.ts';
import type { CollectOptions, CollectReport } from './upkeep/collection.ts';
import type { Repair, RepairOptions } from './upkeep/repair.ts';
import { Upkeep } from './upkeep/upkeep.ts';
import type { Verification, VerifyOptions } from './upkeep/verify.ts';
import { ZoneSecrets } from './zones/zone-secrets.ts';

export class ServedRepository implements Repository {
  readonly id: string;
  readonly encryption: RepositoryEncryption | undefined;
  readonly zones: ZoneSecrets;
  readonly readOnly: boolean;
  readonly problems: readonly Failure[];
  readonly #parts: Parts;
  readonly #writers = new Set<ChunkWriter>();
  readonly #references = new Set<ReferenceCollector>();
  readonly #writerHost: WriterHost;
  readonly #records: RecordReader;
  readonly #upkeep: Upkeep;
  readonly #retention: PointRetention;
  /** Commits, removals and what is kept of points change one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.id = uuidText(parts.config.id);
    const confirmWritable = () => this.#writable().lease.confirm();
    this.encryption =
      parts.keyTable && new RepositoryEncryption({ store: parts.store, confirmWritable }, parts.keyTable);
    this.zones = new ZoneSecrets(parts, this.encryption, confirmWritable);
    this.readOnly = parts.lease === undefined;
    this.problems = parts.problems;
    this.#records = new RecordReader(parts);
    this.#retention = new PointRetention(parts);
    this.#writerHost = {
      store: parts.store,
      table: parts.table,
      pending: new Map(),
      assertLeaseHeld: () => parts.lease?.assertHeld(),
      confirmLease: async () => parts.lease?.confirm(),
      onPackFinished: (length) => this.#onStored(length),
      onClosed: (writer) => this.#writers.delete(writer),
    };
    this.#upkeep = new Upkeep({
      parts,
      encryption: this.encryption,
      zones: this.zones,
      points: () => this.points(),
      epochsBeingWritten: () => [...this.#writers].flatMap(({ sealUnder }) => sealUnder?.epoch ?? []),
      keepSpare: (id) => this.#inTurn(() => this.#parts.shelf.keepSpare(id)),
      onStored: (bytes) => this.#onStored(bytes),
    });
  }

  get dedupSecret(): Buffer {
    return this.zones.of(this.#parts.config.id);
  }

  get isIndexDamaged(): boolean {
    return this.#parts.table.isDamaged;
  }

  lookup(zone: Buffer, id: Buffer): Lookup {
    return this.#parts.table.lookup(zone, id);
  }

  writer(session: { zone: Buffer; run?: RunRecord; pointId?: string }): ChunkWriter {
    const { sessions } = this.#writable();
    if (session.zone.length !== ZONE_LENGTH) throw fail('wrong-zone', `A zone of ${session.zone.length} bytes.`);
    const inFlight = this.zones.has(session.zone);
    if (inFlight !== (session.run === undefined)) {
      throw fail('wrong-zone', 'A run is given for exactly the zones of source-side encryption.');
    }
    const sealUnder = inFlight ? this.encryption?.newRun() : undefined;
    const handle = sessions.begin(session.pointId);
    const writer = new GroupWriter(this.#writerHost, { run: sealUnder, ...session }, handle, sealUnder);
    this.#writers.add(writer);
    return writer;
  }

  async readChunk(zone: Buffer, id: Buffer, signal?: AbortSignal): Promise<{ type: ChunkType; body: Buffer }> {
    const { type, body } = await readChunk(this.#readingFrom(zone), { zone, id }, signal);
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
    return pointCopy({ parts: this.#parts, zones: this.zones, from: (zone) => this.#readingFrom(zone) }, manifest);
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

  collect(options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
    return this.#upkeep.collect(options, signal);
  }

  rotateMasterKey(options: CollectOptions & { resumed: boolean }, signal: AbortSignal): Promise<Rotation> {
    return this.#upkeep.rotateMasterKey(options, signal);
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
    return this.#upkeep.verify(options, signal);
  }

  repair(options: RepairOptions, signal?: AbortSignal): Promise<Repair> {
    return this.#upkeep.repair(options, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What it has sealed itself is opened. */
  #readingFrom(zone: Buffer): ReadFrom {
    const encryption = this.zones.has(zone) ? this.encryption : undefined;
    return { records: this.#records, parts: this.#parts, encryption };
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
    const { store, table, zones, shelf, clock } = this.#parts;
    const opened = openManifest(commit.manifest);
    const { pointId } = opened.manifest;
    if (pointId !== commit.pointId)
      throw fail('point-refused', `The manifest of ${pointId} was sent for ${commit.pointId}.`);
    const known = shelf.get(pointId);
    if (known?.hash.equals(opened.hash)) {
      await mendList(store, opened.manifest, commit.references, known);
      return this.#retention.keep(known);
    }
    if (known !== undefined) throw fail('point-exists', `A different recovery point ${pointId} is there already.`);
    if (!(commit.references instanceof SpilledReferences))
      throw fail('point-refused', 'These references are not ours.');
    // Until the point is there, what was found is kept by this session alone.
    const session = sessions.begin(pointId);
    try {
      checkCommit(opened.manifest, commit.references, await commit.references.finish(), { zones, table });
      const record = pointRecord(opened, await commit.references.publish(clock.now()));
      await shelf.lockAhead(record, commit.lockFor ?? 0);
      await publishPoint(store, pointId, commit.manifest);
      shelf.add(record);
    } finally {
      session.end();
    }
    await sessions.committed(pointId);
    return this.#retention.keep(shelf.demand(pointId));
  }

  #writable(): RightToWrite {
    if (this.#closing !== undefined) throw fail('repository-closed', `The repository ${this.id} was closed.`);
    return rightToWrite(this.#parts);
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
    const { lease, sessions, snapshots, store, table } = this.#parts;
    await using held = new AsyncDisposableStack();
    held.use(table);
    for (const part of [store, lease, sessions, snapshots]) held.use(part);
    await this.#upkeep[Symbol.asyncDispose]();
    await this.#changing;
    held.defer(() => this.encryption?.lock());
    for (const references of this.#references) held.use(references);
    await Promise.all([...this.#writers].map((writer) => writer.close()));
  }
}
