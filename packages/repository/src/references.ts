import { createHash } from 'node:crypto';
import { type RunRecord, uuidBytes } from '@sealift/crypto';
import { fail } from './failures.ts';
import { ID_LENGTH } from './format/limits.ts';
import { encodeReferencesHeader, encodeReferencesTrailer, REFERENCES_HEADER_LENGTH } from './format/reference-list.ts';
import { type FoundChunk, type PackTable, runKeyOf } from './index/pack-table.ts';
import { referencesName } from './layout.ts';
import type { GrowingFile, Store } from './store/store.ts';

/** Gathered before they are written, and read back at once: a multiple of the length of an id. */
const SPAN = 8192 * ID_LENGTH;
/** Missing chunks named in one answer. */
const MOST_NAMED = 1024;

export interface ReferenceSummary {
  /** Ids appended, repeats included. */
  count: number;
  /** SHA-256 over the ids in the order appended. */
  hash: Buffer;
  /** Every run whose chunks are referred to. */
  runs: RunRecord[];
  /** Ids of which the repository holds no chunk; at most 1024 are named. */
  missing: Buffer[];
  missingCount: number;
}

/** Gathers the ids of all chunks a recovery point refers to: 32 bytes an id on disk, a fixed amount in memory. */
export interface ReferenceCollector extends AsyncDisposable {
  readonly pointId: string;
  readonly zone: Buffer;
  /** Ids end to end. */
  append(ids: Buffer): Promise<void>;
  /** Ends the list and looks every id up. May be called again, after missing chunks were stored. */
  finish(): Promise<ReferenceSummary>;
}

/** What a collector needs of its repository. */
export interface ReferencesHost {
  store: Store;
  table: PackTable;
  /** Told once nothing of it is open any more. */
  onClosed(references: ReferenceCollector): void;
}

export class SpilledReferences implements ReferenceCollector {
  readonly pointId: string;
  readonly zone: Buffer;
  readonly #host: ReferencesHost;
  readonly #file: GrowingFile;
  readonly #hash = createHash('sha256');
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #count = 0;
  #digest: Buffer | undefined;
  #receivedAt: number | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(host: ReferencesHost, file: GrowingFile, of: { pointId: string; zone: Buffer }) {
    this.#host = host;
    this.#file = file;
    this.pointId = of.pointId;
    this.zone = of.zone;
  }

  static async begin(host: ReferencesHost, of: { pointId: string; zone: Buffer }): Promise<SpilledReferences> {
    const file = await host.store.grow(`${crypto.randomUUID()}.references`);
    try {
      await file.append([encodeReferencesHeader(uuidBytes(of.pointId), of.zone)]);
    } catch (thrown) {
      await file.discard();
      throw thrown;
    }
    return new SpilledReferences(host, file, of);
  }

  append(ids: Buffer): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#digest !== undefined) throw fail('point-refused', `The reference list of ${this.pointId} has ended.`);
      if (ids.length % ID_LENGTH !== 0) throw fail('point-refused', `${ids.length} bytes are no whole number of ids.`);
      this.#hash.update(ids);
      this.#count += ids.length / ID_LENGTH;
      this.#gathered.push(Buffer.from(ids));
      this.#gatheredBytes += ids.length;
      if (this.#gatheredBytes >= SPAN) await this.#spill();
    });
  }

  finish(): Promise<ReferenceSummary> {
    return this.#inTurn(async () => {
      await this.#spill();
      this.#digest ??= this.#hash.digest();
      return this.#lookAllUp(this.#digest);
    });
  }

  /**
   * Ends the file and gives it its final name, replacing what an earlier, unfinished commit left there. Returns the
   * receive time it carries.
   */
  publish(now: number): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#digest === undefined)
        throw fail('point-refused', `The reference list of ${this.pointId} has not ended.`);
      const name = referencesName(this.pointId);
      this.#receivedAt ??= now;
      if (this.#file.name !== name) await this.#end(name, this.#digest, this.#receivedAt);
      this.#host.onClosed(this);
      return this.#receivedAt;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inTurn(async () => {
      this.#host.onClosed(this);
      if (this.#file.name === referencesName(this.pointId)) await this.#file[Symbol.asyncDispose]();
      else await this.#file.discard();
    });
  }

  async #end(name: string, hash: Buffer, receivedAt: number): Promise<void> {
    const trailer = { pointId: uuidBytes(this.pointId), zone: this.zone, count: this.#count, hash, receivedAt };
    const before = this.#file.length;
    try {
      await this.#file.append([encodeReferencesTrailer(trailer)]);
      await this.#file.publish(name);
    } catch (thrown) {
      // Without its trailer it can be ended again.
      if (this.#file.name !== name) await this.#file.cutBack(before).catch(() => {});
      throw thrown;
    }
  }

  async #spill(): Promise<void> {
    if (this.#gatheredBytes === 0) return;
    await this.#file.append(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  async #lookAllUp(hash: Buffer): Promise<ReferenceSummary> {
    const tally = new RunTally(this.#host.table, (id) => this.#host.table.use(this.zone, id));
    const end = this.#count * ID_LENGTH;
    for (let at = 0; at < end; at += SPAN) {
      const ids = await this.#host.store.read(this.#file.name, REFERENCES_HEADER_LENGTH + at, Math.min(SPAN, end - at));
      tally.add(ids);
    }
    const { missing, missingCount } = tally;
    return { count: this.#count, hash, runs: tally.runs(), missing, missingCount };
  }

  /** One call after another, in the order they were made. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/** Looks ids up and gathers the runs that sealed their chunks. */
export class RunTally {
  /** Ids of which the repository holds no chunk; at most 1024 are named. */
  readonly missing: Buffer[] = [];
  missingCount = 0;
  readonly #table: PackTable;
  readonly #find: (id: Buffer) => FoundChunk | undefined;
  readonly #runs = new Set<number>();

  constructor(table: PackTable, find: (id: Buffer) => FoundChunk | undefined) {
    this.#table = table;
    this.#find = find;
  }

  /** Ids end to end. */
  add(ids: Buffer): void {
    for (let i = 0; i < ids.length; i += ID_LENGTH) {
      const id = ids.subarray(i, i + ID_LENGTH);
      const found = this.#find(id);
      if (found !== undefined) this.#runs.add(found.in.run);
      else if (++this.missingCount <= MOST_NAMED) this.missing.push(id);
    }
  }

  /** Those found, and these. */
  runs(more: RunRecord[] = []): RunRecord[] {
    const found = [...this.#runs].filter((run) => run >= 0).map((run) => this.#table.run(run));
    return [...new Map([...found, ...more].map((run) => [runKeyOf(run), run])).values()];
  }
}
