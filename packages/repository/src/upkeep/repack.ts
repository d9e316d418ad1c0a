import { toFailure } from '@sealift/core';
import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import type { PackHeader } from '../format/pack-header.ts';
import type { HashIndex } from '../index/hash-index.ts';
import { runKeyOf } from '../index/pack-table.ts';
import { PACK_TARGET, PackFile, type RecordToWrite } from '../pack-file.ts';
import type { Collection, Resealing } from './collection.ts';
import { footerOf, readWholeRecord } from './copies.ts';
import { deletePack } from './sweep.ts';

/** Copied and synced together, bytes. */
const GROUP = 8 * 1024 * 1024;

interface Move {
  index: HashIndex;
  entry: number;
  /** Where it stands until the new pack is finished. */
  from: number;
  fromOffset: number;
  to: PackEntry;
}

interface Copied {
  /** Entry of the index. */
  entry: number;
  stored: PackEntry;
  record: RecordToWrite;
}

/**
 * Rewrites packs of which little is needed. Records are copied as they are, sealed bodies included, into new packs of the
 * same zone and run (those under an earlier master key are sealed anew where that is asked for); only when a new pack is durable do its chunks move, and only then the old packs go.
 */
export async function repackSparse(collection: Collection, sparse: number[], signal: AbortSignal): Promise<void> {
  const { onProgress } = collection;
  let done = 0;
  const repacker = new Repacker(collection, signal);
  try {
    for (const pack of byRun(collection, sparse)) {
      await repacker.take(pack);
      onProgress({ phase: 'repack', done: ++done, total: sparse.length });
    }
    await repacker.finish();
  } finally {
    await repacker.abandon();
  }
}

/** So that chunks of one zone and one run, which may share a pack, follow each other. */
function byRun({ table }: Collection, packs: number[]): number[] {
  const key = (number: number) => `${table.pack(number).zone.toString('hex')}${table.pack(number).run}`;
  return packs.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

class Repacker {
  readonly #collection: Collection;
  readonly #signal: AbortSignal;
  #file: PackFile | undefined;
  /** Zone and run of the file. */
  #session: { zone: Buffer; run?: RunRecord } | undefined;
  #moves: Move[] = [];
  /** Old packs of which everything needed was copied. */
  #emptied: number[] = [];

  constructor(collection: Collection, signal: AbortSignal) {
    this.#collection = collection;
    this.#signal = signal;
  }

  async take(number: number): Promise<void> {
    const { table, store, report } = this.#collection;
    const { name, zone } = table.pack(number);
    const index = table.indexOf(zone);
    const footer = await footerOf(this.#collection, number);
    if (index === undefined || footer === undefined) return;
    const resealing = this.#resealingOf(number);
    await this.#turnTo(resealing === undefined ? footer.header : { zone, run: resealing.run });
    const damaged = await this.#copy(footer.entries, index, number);
    if (damaged === 0) this.#emptied.push(number);
    else report.problems.push(fail('pack-damaged', `${damaged} chunks of ${name} in ${store.location} are damaged.`));
    if (this.#file !== undefined && this.#file.length >= PACK_TARGET) await this.finish();
  }

  /** A pack of another zone or run begins a new file. */
  async #turnTo({ zone, run }: Pick<PackHeader, 'zone' | 'run'>): Promise<void> {
    const last = this.#session;
    if (last !== undefined && (!last.zone.equals(zone) || keyOf(last.run) !== keyOf(run))) await this.finish();
    this.#session = run === undefined ? { zone } : { zone, run };
  }

  /** Publishes the new pack, moves its chunks there, and deletes the old packs that hold nothing any more. */
  async finish(): Promise<void> {
    const file = this.#file;
    if (file !== undefined) await this.#publish(file);
    const emptied = this.#emptied;
    this.#emptied = [];
    for (const number of emptied) {
      if (await deletePack(this.#collection, number, this.#signal)) this.#collection.report.packsRepacked++;
    }
  }

  /** What was copied into a pack that is not finished is thrown away; it still stands where it stood. */
  async abandon(): Promise<void> {
    await this.#file?.discard();
    this.#file = undefined;
  }

  /** Copies what must stay of a pack, in groups. Returns how many chunks are damaged, which stay where they are. */
  async #copy(entries: readonly PackEntry[], index: HashIndex, pack: number): Promise<number> {
    let damaged = 0;
    let group: Copied[] = [];
    let gathered = 0;
    for (const stored of entries) {
      const entry = this.#needed(index, pack, stored);
      if (entry === undefined) continue;
      const record = await this.#read(stored, pack);
      if (record === undefined) {
        damaged++;
        continue;
      }
      group.push({ entry, stored, record });
      gathered += record.length;
      if (gathered < GROUP) continue;
      await this.#write(group, index, pack);
      group = [];
      gathered = 0;
    }
    await this.#write(group, index, pack);
    return damaged;
  }

  /** The record in the form in which it is written; undefined for a damaged one. */
  async #read(stored: PackEntry, pack: number): Promise<RecordToWrite | undefined> {
    const bytes = await readWholeRecord(this.#collection, stored.id, { ...stored, pack }, this.#signal);
    const resealing = this.#resealingOf(pack);
    if (bytes === undefined || resealing === undefined) {
      return bytes && { entry: stored, parts: [bytes], length: bytes.length };
    }
    try {
      return resealing.record(stored, bytes);
    } catch (thrown) {
      if (toFailure(thrown).kind !== 'corrupt') throw thrown;
      return undefined;
    }
  }

  #resealingOf(pack: number): Resealing | undefined {
    const { resealing, table } = this.#collection;
    return resealing?.concerns(table.pack(pack)) === true ? resealing : undefined;
  }

  /** The entry of a chunk that is read from this very place and must stay; one that need not is forgotten. */
  #needed(index: HashIndex, pack: number, stored: PackEntry): number | undefined {
    const entry = index.find(stored.id);
    const place = entry < 0 ? undefined : index.placeOf(entry);
    if (place === undefined || place.pack !== pack || place.offset !== stored.offset) return undefined;
    if (this.#collection.marks.mustStay(index, entry)) return entry;
    index.forget(entry);
    return undefined;
  }

  async #write(group: Copied[], index: HashIndex, from: number): Promise<void> {
    if (group.length === 0 || this.#session === undefined) return;
    const { store, pace, report } = this.#collection;
    this.#file ??= await PackFile.begin(store, this.#session);
    const records = group.map(({ record }) => record);
    const bytes = records.reduce((sum, { length }) => sum + length, 0);
    await pace.take(bytes, this.#signal);
    const written = await this.#file.add(records);
    group.forEach(({ entry, stored }, i) => {
      this.#moves.push({ index, entry, from, fromOffset: stored.offset, to: written[i] as PackEntry });
    });
    report.bytesRepacked += bytes;
  }

  async #publish(file: PackFile): Promise<void> {
    const { table, report, confirmLease, onStored } = this.#collection;
    await confirmLease();
    const name = await file.finish();
    this.#file = undefined;
    const number = table.addPack(file.header, name);
    const pack = table.pack(number);
    pack.length = file.length;
    for (const { index, entry, from, fromOffset, to } of this.#moves) {
      pack.recordBytes += to.length;
      const now = index.placeOf(entry);
      if (now?.pack === from && now.offset === fromOffset) index.relocate(entry, { ...to, pack: number });
      else pack.shared = true;
    }
    this.#moves = [];
    report.bytesFreed -= pack.length;
    onStored(pack.length);
  }
}

function keyOf(run: RunRecord | undefined): string {
  return run === undefined ? '' : runKeyOf(run);
}
