import { createHash } from 'node:crypto';
import { type RunRecord, uuidBytes } from '@sealift/crypto';
import { fail } from './failures.ts';
import { ID_LENGTH } from './format/limits.ts';
import { encodeReferencesHeader, encodeReferencesTrailer, REFERENCES_HEADER_LENGTH } from './format/reference-list.ts';
import type { PackTable } from './index/pack-table.ts';
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
  #name: string;
  #published = false;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(host: ReferencesHost, file: GrowingFile, of: { pointId: string; zone: Buffer }) {
    this.#host = host;
    this.#file = file;
    this.#name = file.name;
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

  /** Ends the file and gives it its final name, replacing what an earlier, unfinished commit left there. */
  publish(receivedAt: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#published) return;
      if (this.#digest === undefined)
        throw fail('point-refused', `The reference list of ${this.pointId} has not ended.`);
      const pointId = uuidBytes(this.pointId);
      const trailer = { pointId, zone: this.zone, count: this.#count, hash: this.#digest, receivedAt };
      const before = this.#file.length;
      try {
        await this.#file.append([encodeReferencesTrailer(trailer)]);
        await this.#file.publish(referencesName(this.pointId));
        this.#name = referencesName(this.pointId);
        this.#published = true;
        this.#host.onClosed(this);
      } catch (thrown) {
        await this.#file.cutBack(before).catch(() => {});
        throw thrown;
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inTurn(async () => {
      this.#host.onClosed(this);
      await this.#file.discard();
    });
  }

  async #spill(): Promise<void> {
    const parts = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (parts.length > 0) await this.#file.append(parts);
  }

  async #lookAllUp(hash: Buffer): Promise<ReferenceSummary> {
    const runs = new Set<number>();
    const missing: Buffer[] = [];
    let missingCount = 0;
    const end = this.#count * ID_LENGTH;
    for (let at = 0; at < end; at += SPAN) {
      const ids = await this.#host.store.read(this.#name, REFERENCES_HEADER_LENGTH + at, Math.min(SPAN, end - at));
      for (let i = 0; i < ids.length; i += ID_LENGTH) {
        const id = ids.subarray(i, i + ID_LENGTH);
        const found = this.#host.table.chunk(this.zone, id);
        if (found !== undefined) {
          runs.add(found.in.run);
        } else if (++missingCount <= MOST_NAMED) {
          missing.push(id);
        }
      }
    }
    runs.delete(-1);
    return { count: this.#count, hash, runs: [...runs].map((run) => this.#host.table.run(run)), missing, missingCount };
  }

  /** One call after another, in the order they were made. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
