import { Failure } from '@sealift/core';
import { type ChunkType, type RunRecord, uuidText } from '@sealift/crypto';
import { RepositoryEncryption } from './at-rest/repository-encryption.ts';
import { type ChunkWriter, GroupWriter, type WriterHost } from './chunk-writer.ts';
import type { RepositoryClock } from './clock.ts';
import { checkCommit } from './commit.ts';
import { fail } from './failures.ts';
import { sha256InBackground } from './format/checksum.ts';
import type { RepositoryConfig } from './format/config.ts';
import type { DecodedKeyTable } from './format/key-table.ts';
import { ZONE_LENGTH } from './format/limits.ts';
import { openManifest } from './format/recovery-point.ts';
import type { FoundChunk, Lookup, PackTable } from './index/pack-table.ts';
import { finishedPackName, isUuid, pointName } from './layout.ts';
import type { Lease } from './lease.ts';
import { splitRecord } from './pack-scan.ts';
import { runsOfPoint } from './point-runs.ts';
import type { PointShelf } from './point-shelf.ts';
import { type PointRecord, pointRecord, readPointFile } from './points.ts';
import { type ReferenceCollector, SpilledReferences } from './references.ts';
import type { Removal } from './removals.ts';
import type { PointRuns, PointToCommit, Repository, RepositoryStats } from './repository.ts';
import type { Store } from './store/store.ts';
import type { UpkeepHost } from './upkeep/host.ts';
import { type Verification, type VerifyOptions, verifyRepository } from './upkeep/verify.ts';

interface Parts {
  store: Store;
  config: RepositoryConfig;
  /** There when it is encrypted at rest. */
  keyTable: DecodedKeyTable | undefined;
  /** Absent when opened for reading. */
  lease: Lease | undefined;
  table: PackTable;
  shelf: PointShelf;
  clock: RepositoryClock;
  problems: Failure[];
  storedBytes: number;
  /** Undefined where the store cannot tell. */
  freeBytes: number | undefined;
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
  /** Commits, removals and what is kept of points change one after another. */
  #changing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.id = uuidText(parts.config.id);
    const host = { store: parts.store, confirmWritable: () => this.#writable().confirm() };
    this.encryption = parts.keyTable && new RepositoryEncryption(host, parts.keyTable);
    this.readOnly = parts.lease === undefined;
    this.problems = parts.problems;
    this.#writerHost = {
      store: parts.store,
      table: parts.table,
      pending: new Map(),
      assertLeaseHeld: () => parts.lease?.assertHeld(),
      confirmLease: async () => parts.lease?.confirm(),
      onPackFinished: (length) => {
        parts.storedBytes += length;
        void this.#measure();
      },
      onClosed: (writer) => this.#writers.delete(writer),
    };
  }

  get dedupSecret(): Buffer {
    return this.encryption === undefined ? this.#parts.config.dedupSecret : this.encryption.dedupSecret;
  }

  lookup(zone: Buffer, id: Buffer): Lookup {
    return this.#parts.table.lookup(zone, id);
  }

  writer(session: { zone: Buffer; run?: RunRecord }): ChunkWriter {
    this.#writable();
    if (session.zone.length !== ZONE_LENGTH) throw fail('wrong-zone', `A zone of ${session.zone.length} bytes.`);
    const own = session.zone.equals(this.#parts.config.id);
    if (own !== (session.run === undefined)) {
      throw fail('wrong-zone', 'A run is given for exactly the zones of source-side encryption.');
    }
    const sealUnder = own ? this.encryption?.newRun() : undefined;
    const writer = new GroupWriter(this.#writerHost, publicSession({ run: sealUnder, ...session }), sealUnder);
    this.#writers.add(writer);
    return writer;
  }

  async readChunk(zone: Buffer, id: Buffer, signal?: AbortSignal): Promise<{ type: ChunkType; body: Buffer }> {
    signal?.throwIfAborted();
    const found = this.#parts.table.chunk(zone, id);
    if (found === undefined) {
      throw fail(
        'chunk-missing',
        `Chunk ${id.toString('hex')} is not in the repository ${this.#parts.store.location}.`,
      );
    }
    try {
      const bytes = await this.#readRecord(found);
      signal?.throwIfAborted();
      const { head, body, complete } = splitRecord(bytes);
      if (!complete || head.type !== found.type || !head.id.equals(id))
        throw fail('format-damaged', 'It holds another chunk.');
      if (!(await sha256InBackground(body)).equals(head.checksum))
        throw fail('format-damaged', 'Its checksum does not hold.');
      const sealed = this.encryption !== undefined && zone.equals(this.#parts.config.id);
      return { type: head.type, body: sealed ? this.encryption.unseal(head, body) : body };
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== 'corrupt') throw thrown;
      const where = `pack ${found.in.name} in ${this.#parts.store.location}`;
      throw fail('chunk-damaged', `Chunk ${id.toString('hex')} in ${where} is damaged: ${thrown.message}`, {
        cause: thrown,
      });
    }
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

  async references(of: { pointId: string; zone: Buffer }): Promise<ReferenceCollector> {
    this.#writable();
    if (!isUuid(of.pointId)) throw fail('point-refused', 'The id of a recovery point is no UUID.');
    const { store, table } = this.#parts;
    const onClosed = (closed: ReferenceCollector) => this.#references.delete(closed);
    const references = await SpilledReferences.begin({ store, table, onClosed }, of);
    this.#references.add(references);
    return references;
  }

  commitPoint(commit: PointToCommit): Promise<PointRecord> {
    return this.#inTurn(() => this.#commit(commit));
  }

  lockPoint(id: string, until: number): Promise<PointRecord> {
    return this.#inTurn(() => this.#parts.shelf.lock(id, until));
  }

  holdPoint(id: string, reason: string): Promise<PointRecord> {
    return this.#inTurn(() => this.#parts.shelf.hold(id, reason));
  }

  releasePoint(id: string): Promise<PointRecord> {
    return this.#inTurn(() => this.#parts.shelf.release(id));
  }

  removePoint(id: string, of: { reason: string }): Promise<void> {
    return this.#inTurn((lease) => this.#parts.shelf.remove(id, of.reason, () => lease.confirm()));
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

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #inTurn<T>(change: (lease: Lease) => Promise<T>): Promise<T> {
    const turn = this.#changing.then(async () => {
      const lease = this.#writable();
      await lease.confirm();
      return change(lease);
    });
    this.#changing = turn.catch(() => {});
    return turn;
  }

  async #commit(commit: PointToCommit): Promise<PointRecord> {
    const { store, table, config, shelf, clock } = this.#parts;
    const opened = openManifest(commit.manifest);
    const { pointId } = opened.manifest;
    if (pointId !== commit.pointId)
      throw fail('point-refused', `The manifest of ${pointId} was sent for ${commit.pointId}.`);
    const known = shelf.get(pointId);
    if (known?.hash.equals(opened.hash)) return known;
    if (known !== undefined) throw fail('point-exists', `A different recovery point ${pointId} is there already.`);
    if (!(commit.references instanceof SpilledReferences))
      throw fail('point-refused', 'These references are not ours.');
    checkCommit(opened.manifest, commit.references, await commit.references.finish(), { id: config.id, table });
    const record = pointRecord(opened, await commit.references.publish(clock.now()));
    await shelf.lockAhead(record, commit.lockFor ?? 0);
    await store.publish(pointName(pointId), commit.manifest);
    return shelf.add(record);
  }

  /** A pack may get its final name between the look-up and the read. */
  async #readRecord(found: FoundChunk): Promise<Buffer<ArrayBuffer>> {
    const { store } = this.#parts;
    const { name } = found.in;
    try {
      return await store.read(name, found.offset, found.length);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== 'file-missing') throw thrown;
      await found.in.moving;
      // Opened for reading, this program is not told when the serving one finishes a pack.
      const now = found.in.name === name ? finishedPackName(name) : found.in.name;
      if (now === name) throw thrown;
      return await store.read(now, found.offset, found.length);
    }
  }

  #upkeepHost(): UpkeepHost {
    const { store, config, table } = this.#parts;
    return { store, config, table, readOnly: this.readOnly, points: () => this.points() };
  }

  #writable(): Lease {
    if (this.#closing !== undefined) throw fail('repository-closed', `The repository ${this.id} was closed.`);
    if (this.#parts.lease === undefined)
      throw fail('opened-read-only', `The repository ${this.id} was opened for reading.`);
    return this.#parts.lease;
  }

  async #measure(): Promise<void> {
    // Free space is advice to people: an unanswered question leaves the last answer.
    const measured = await this.#parts.store.freeBytes().catch(() => undefined);
    if (measured !== undefined) this.#parts.freeBytes = measured;
  }

  async #close(): Promise<void> {
    const { lease, store } = this.#parts;
    await using held = new AsyncDisposableStack();
    held.use(store);
    if (lease !== undefined) held.use(lease);
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
