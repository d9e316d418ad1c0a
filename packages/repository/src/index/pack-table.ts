import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import type { PackHeader } from '../format/pack-header.ts';
import { type ChunkPlace, HashIndex, MOST_PACKS } from './hash-index.ts';

/** A pack as the index knows it. */
export interface IndexedPack {
  /** Name in the store; changes when a pack is finished. */
  name: string;
  /** While a pack is being finished: settles, never fails, once `name` is what it will stay. */
  moving?: Promise<void>;
  /** Number of its run in `runs`, or -1. */
  run: number;
  /** Encrypted at rest: number of the master key its chunks are sealed under. */
  masterEpoch?: number;
}

export type Lookup = { state: 'missing' } | { state: 'chunk' } | { state: 'member'; bundle: Buffer; ordinal: number };

/** A chunk that was found, with the pack it is in. */
export interface FoundChunk extends ChunkPlace {
  in: IndexedPack;
}

/** All packs of an open repository, their runs, and one hash index a dedup zone. */
export class PackTable {
  readonly #packs: IndexedPack[] = [];
  readonly #runs: RunRecord[] = [];
  readonly #runNumbers = new Map<string, number>();
  readonly #zones = new Map<string, HashIndex>();
  readonly #ownZone: Buffer;

  /** @param ownZone id of the repository: runs of this zone are its own, and of no concern to recovery points */
  constructor(ownZone: Buffer) {
    this.#ownZone = ownZone;
  }

  get chunkCount(): number {
    let count = 0;
    for (const zone of this.#zones.values()) count += zone.chunkCount;
    return count;
  }

  /** Makes a pack known; its chunks are added one by one as they become durable. */
  addPack(header: PackHeader, name: string): number {
    if (this.#packs.length >= MOST_PACKS) throw fail('format-limit', `The repository has over ${MOST_PACKS} packs.`);
    const { run, zone } = header;
    if (run === undefined) return this.#packs.push({ name, run: -1 }) - 1;
    if (zone.equals(this.#ownZone)) return this.#packs.push({ name, run: -1, masterEpoch: run.epoch }) - 1;
    return this.#packs.push({ name, run: this.#runNumber(run) }) - 1;
  }

  pack(number: number): IndexedPack {
    return this.#packs[number] as IndexedPack;
  }

  addEntry(zone: Buffer, pack: number, entry: PackEntry): void {
    const index = this.#zone(zone);
    const { type, offset, length } = entry;
    const bundle = index.addChunk(entry.id, { type, pack, offset, length });
    if (entry.members.length > 0) index.addMembers(bundle, entry.members);
  }

  lookup(zone: Buffer, id: Buffer): Lookup {
    const index = this.#zones.get(zone.toString('hex'));
    const entry = index === undefined ? -1 : index.find(id);
    if (index === undefined || entry < 0) return { state: 'missing' };
    if (index.placeOf(entry) !== undefined) return { state: 'chunk' };
    return { state: 'member', ...index.memberOf(entry) };
  }

  chunk(zone: Buffer, id: Buffer): FoundChunk | undefined {
    const index = this.#zones.get(zone.toString('hex'));
    const entry = index === undefined ? -1 : index.find(id);
    const place = entry < 0 ? undefined : index?.placeOf(entry);
    return place && { ...place, in: this.pack(place.pack) };
  }

  /** Names of all packs, of those being written too. */
  packNames(): string[] {
    return this.#packs.map(({ name }) => name);
  }

  /** The chunks whose records stand in packs of these names, in no order. */
  *chunksIn(names: ReadonlySet<string>): Generator<{ zone: Buffer; id: Buffer; found: FoundChunk }, void, undefined> {
    const numbers = new Set<number>();
    for (const [number, { name }] of this.#packs.entries()) if (names.has(name)) numbers.add(number);
    for (const [key, index] of this.#zones) {
      const zone = Buffer.from(key, 'hex');
      for (const { id, place } of index.chunksIn(numbers)) {
        yield { zone, id, found: { ...place, in: this.pack(place.pack) } };
      }
    }
  }

  run(number: number): RunRecord {
    return this.#runs[number] as RunRecord;
  }

  #runNumber(run: RunRecord): number {
    const key = runKeyOf(run);
    let number = this.#runNumbers.get(key);
    if (number === undefined) {
      number = this.#runs.push(run) - 1;
      this.#runNumbers.set(key, number);
    }
    return number;
  }

  #zone(zone: Buffer): HashIndex {
    const key = zone.toString('hex');
    let index = this.#zones.get(key);
    if (index === undefined) {
      index = new HashIndex();
      this.#zones.set(key, index);
    }
    return index;
  }
}

/** A text that two run records share exactly when all their fields are equal. */
export function runKeyOf(run: RunRecord): string {
  return `${run.runSalt.toString('hex')}-${run.epoch}-${run.commitment.toString('hex')}`;
}
