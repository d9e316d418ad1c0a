import type { HashIndex } from '../index/hash-index.ts';
import type { PackTable } from '../index/pack-table.ts';
import type { Cutoff } from '../sessions.ts';

/** Entries looked at before others get their turn. */
const SLICE = 100_000;

/**
 * Which chunks of a repository must stay: those that were marked, one bit an id, and those that a backup may rely on. An
 * answer holds for the moment it is given, for a chunk can come into use at any time.
 */
export class Marks {
  readonly #table: PackTable;
  readonly #cutoff: Cutoff;
  readonly #bits = new Map<HashIndex, Uint8Array>();

  constructor(table: PackTable, cutoff: Cutoff) {
    this.#table = table;
    this.#cutoff = cutoff;
    for (const index of table.indexes()) this.#bits.set(index, new Uint8Array(Math.ceil(index.entryCount / 8)));
  }

  /** False if the repository has no chunk of this id. */
  mark(zone: Buffer, id: Buffer): boolean {
    const index = this.#table.indexOf(zone);
    const entry = index === undefined ? -1 : index.find(id);
    if (index === undefined || entry < 0 || index.packOf(entry) < 0) return false;
    const bits = this.#bits.get(index);
    // What came into the index after the marks were made is protected by the time of its use.
    if (bits !== undefined && entry >>> 3 < bits.length) {
      bits[entry >>> 3] = (bits[entry >>> 3] as number) | (1 << (entry & 7));
    }
    return true;
  }

  isMarked(index: HashIndex, entry: number): boolean {
    const bits = this.#bits.get(index);
    return ((bits?.[entry >>> 3] ?? 0) & (1 << (entry & 7))) !== 0;
  }

  /** Of an entry that is a chunk. */
  mustStay(index: HashIndex, entry: number): boolean {
    return (
      this.isMarked(index, entry) ||
      index.lastUse(entry) >= this.#cutoff.epoch ||
      this.#table.pack(index.packOf(entry)).createdAt >= this.#cutoff.time
    );
  }
}

/** All chunks known now, in slices that leave room for other work in between. */
export async function forEachChunk(
  table: PackTable,
  visit: (index: HashIndex, entry: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const index of table.indexes()) {
    for (let from = 0; from < index.entryCount; from += SLICE) {
      const to = Math.min(from + SLICE, index.entryCount);
      for (let entry = from; entry < to; entry++) if (index.packOf(entry) >= 0) visit(index, entry);
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
  }
}
