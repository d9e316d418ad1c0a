import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import type { PackHeader } from '../format/pack-header.ts';
import type { IndexMemory } from '../spill/index-memory.ts';
import { InFlightZones } from '../zones/in-flight-zones.ts';
import { type ChunkPlace, MOST_PACKS } from './entry-words.ts';
import { HashIndex } from './hash-index.ts';
import { UseEpochs } from './use-epochs.ts';

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
  zone: Buffer;
  /** ms since 1970. */
  createdAt: number;
  /** Of the file; 0 until it is finished. */
  length: number;
  /** Of all records in it. */
  recordBytes: number;
  /** Its footer cannot be read, so it may hold more than is known. */
  damaged?: boolean;
  /** Its file is gone, or about to go; or it has another number, since what was known under this one is forgotten. */
  retired?: boolean;
  /** Some of its records, or of the members of its bundles, are read elsewhere. */
  shared?: boolean;
}

/** A pack of a snapshot. */
export type RestoredPack = Omit<IndexedPack, 'moving' | 'damaged'>;

export type Lookup = { state: 'missing' } | { state: 'chunk' } | { state: 'member'; bundle: Buffer; ordinal: number };

/** A chunk that was found, with the pack it is in. */
export interface FoundChunk extends ChunkPlace {
  in: IndexedPack;
}

/** All packs of an open repository, their runs, and one hash index a dedup zone. */
export class PackTable implements Disposable {
  readonly #packs: IndexedPack[] = [];
  readonly #runs: RunRecord[] = [];
  readonly #runNumbers = new Map<string, number>();
  readonly #zones = new Map<string, { zone: Buffer; index: HashIndex }>();
  readonly epochs = new UseEpochs(() => {
    for (const { index } of this.#zones.values()) index.levelUses();
  });
  readonly #inFlight: InFlightZones;
  readonly #memory: IndexMemory | undefined;

  /**
   * @param ownZone id of the repository
   * @param memory what the indexes may take; all that they need unless given
   * @param inFlight runs of these zones are the repository's own, and of no concern to recovery points
   */
  constructor(ownZone: Buffer, memory?: IndexMemory, inFlight = new InFlightZones(ownZone)) {
    this.#inFlight = inFlight;
    this.#memory = memory;
  }

  /** Id of the repository. */
  get ownZone(): Buffer {
    return this.#inFlight.own;
  }

  get chunkCount(): number {
    let count = 0;
    for (const { index } of this.#zones.values()) count += index.chunkCount;
    return count;
  }

  /** Packs have the numbers below this one; some may be retired. */
  get packCount(): number {
    return this.#packs.length;
  }

  get runs(): readonly RunRecord[] {
    return this.#runs;
  }

  /** An index that was read from the disk is damaged: all has to be built anew. */
  get isDamaged(): boolean {
    return this.indexes().some(({ isDamaged }) => isDamaged);
  }

  /** Nothing can be looked up any more. */
  [Symbol.dispose](): void {
    for (const index of this.indexes()) index[Symbol.dispose]();
  }

  zones(): { zone: Buffer; index: HashIndex }[] {
    return [...this.#zones.values()];
  }

  /** An empty one, for `restore`. */
  newIndex(): HashIndex {
    return new HashIndex(this.#memory);
  }

  /** Takes over what a snapshot says. Only for a table that knows nothing yet. */
  restore(packs: RestoredPack[], runs: readonly RunRecord[], zones: { zone: Buffer; index: HashIndex }[]): void {
    for (const run of runs) this.#runNumber(run);
    for (const pack of packs) this.#packs.push(pack);
    for (const { zone, index } of zones) this.#zones.set(zone.toString('hex'), { zone, index });
  }

  indexes(): HashIndex[] {
    return [...this.#zones.values()].map(({ index }) => index);
  }

  /** The index of a zone, or undefined if nothing of it was ever stored. */
  indexOf(zone: Buffer): HashIndex | undefined {
    return this.#zones.get(zone.toString('hex'))?.index;
  }

  /** Makes a pack known; its chunks are added one by one as they become durable. */
  addPack(header: PackHeader, name: string): number {
    if (this.#packs.length >= MOST_PACKS) throw fail('format-limit', `The repository has over ${MOST_PACKS} packs.`);
    const { run } = header;
    const { zone } = this.#zone(header.zone);
    const pack: IndexedPack = { name, run: -1, zone, createdAt: header.createdAt, length: 0, recordBytes: 0 };
    if (run !== undefined && this.#inFlight.has(zone)) pack.masterEpoch = run.epoch;
    else if (run !== undefined) pack.run = this.#runNumber(run);
    return this.#packs.push(pack) - 1;
  }

  pack(number: number): IndexedPack {
    return this.#packs[number] as IndexedPack;
  }

  /** A chunk as it was read from its pack. */
  addEntry(zone: Buffer, pack: number, entry: PackEntry): number {
    const { index } = this.#zone(zone);
    const { type, offset, length } = entry;
    const number = index.addChunk(entry.id, { type, pack, offset, length });
    const shared = entry.members.length > 0 && index.addMembers(number, entry.members);
    const indexed = this.pack(pack);
    indexed.recordBytes += length;
    if (shared || index.packOf(number) !== pack) indexed.shared = true;
    return number;
  }

  /** A chunk that was stored just now. */
  addStored(zone: Buffer, pack: number, entry: PackEntry): void {
    const number = this.addEntry(zone, pack, entry);
    this.indexOf(zone)?.use(number, this.epochs.use());
  }

  /** For a backup, which relies on the answer: what is known stays for as long as its session may last. */
  lookup(zone: Buffer, id: Buffer): Lookup {
    const index = this.indexOf(zone);
    const entry = this.#use(index, id);
    if (index === undefined || entry < 0) return { state: 'missing' };
    if (index.placeOf(entry) !== undefined) return { state: 'chunk' };
    return { state: 'member', ...index.memberOf(entry) };
  }

  /** The same for a chunk as such: a member of a bundle is none. */
  use(zone: Buffer, id: Buffer): FoundChunk | undefined {
    const index = this.indexOf(zone);
    return index && this.#found(index, this.#use(index, id));
  }

  /** For reading only. */
  chunk(zone: Buffer, id: Buffer): FoundChunk | undefined {
    const index = this.indexOf(zone);
    return index && this.#found(index, index.find(id));
  }

  #use(index: HashIndex | undefined, id: Buffer): number {
    const entry = index === undefined ? -1 : index.find(id);
    if (entry >= 0) index?.use(entry, this.epochs.use());
    return entry;
  }

  #found(index: HashIndex, entry: number): FoundChunk | undefined {
    const place = entry < 0 ? undefined : index.placeOf(entry);
    return place && { ...place, in: this.pack(place.pack) };
  }

  /** Names of all packs, of those being written too. */
  packNames(): string[] {
    return this.#packs.filter(({ retired }) => !retired).map(({ name }) => name);
  }

  /** Whether packs of a zone were sealed in runs of sources, as those of an encryption domain are. */
  isSealedBySources(zone: Buffer): boolean {
    return this.#packs.some((pack) => pack.run >= 0 && pack.zone.equals(zone));
  }

  /** Numbers of the master keys under which packs are sealed. */
  masterEpochs(): Set<number> {
    const sealed = this.#packs.filter(({ retired, masterEpoch }) => !retired && masterEpoch !== undefined);
    return new Set(sealed.map(({ masterEpoch }) => masterEpoch as number));
  }

  /** The chunks whose records stand in packs of these names, in no order. */
  *chunksIn(names: ReadonlySet<string>): Generator<{ zone: Buffer; id: Buffer; found: FoundChunk }, void, undefined> {
    const numbers = new Set<number>();
    for (const [number, { name }] of this.#packs.entries()) if (names.has(name)) numbers.add(number);
    for (const { zone, index } of this.#zones.values()) {
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

  #zone(zone: Buffer): { zone: Buffer; index: HashIndex } {
    const key = zone.toString('hex');
    let known = this.#zones.get(key);
    if (known === undefined) {
      known = { zone: Buffer.from(zone), index: this.newIndex() };
      this.#zones.set(key, known);
    }
    return known;
  }
}

/** A text that two run records share exactly when all their fields are equal. */
export function runKeyOf(run: RunRecord): string {
  return `${run.runSalt.toString('hex')}-${run.epoch}-${run.commitment.toString('hex')}`;
}
