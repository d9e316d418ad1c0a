import { type Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import type { PackHeader } from '../format/pack-header.ts';
import { isPackName, PACKS_FOLDER } from '../layout.ts';
import { PackFile } from '../pack-file.ts';
import { type AffectedPoint, checkPoints } from './check-points.ts';
import { ChunkSet } from './chunk-set.ts';
import type { RepairHost } from './host.ts';
import { mendConfig } from './mend-config.ts';
import { mendFile } from './mend-file.ts';
import { mendKeyTables } from './mend-key-tables.ts';
import { mendZones } from './mend-zones.ts';
import { Pace } from './pace.ts';
import { PackHistory } from './pack-history.ts';
import { readPack } from './read-pack.ts';
import type { ReadTree } from './rebuild-references.ts';
import { headerOf, setAside, wholeRecords } from './salvage.ts';
import { StoredNames } from './stored-names.ts';

/** Copied and synced together, bytes. */
const GROUP = 8 * 1024 * 1024;

export interface RepairOptions {
  /** Tells what would be done, and changes nothing. */
  dryRun?: boolean;
  bytesPerSecond?: number;
  /** Reads what in-flight points use from their trees, to make lost reference lists anew. */
  readTree?: ReadTree;
  /** Told of each step, with the file it concerns. */
  onStep?: (file: string, message: string) => void;
  /** Told of what stays damaged. */
  onFlaw?: (file: string, failure: Failure) => void;
  onAffected?: (point: AffectedPoint) => void;
  onProgress?: (progress: { packs: number; packsTotal: number }) => void;
}

export interface Repair {
  dryRun: boolean;
  /** Packs that a verification has found flaws in, or that are gone. */
  packsFlawed: number;
  /** Packs that were never read: nobody knows whether they are whole. */
  packsUnread: number;
  /** Whole records taken over into new packs. */
  chunksSaved: number;
  /** Chunks that are known no more, so that the next backup which has them sends them again. */
  chunksLost: number;
  /** Small files that were made whole: config, key tables, secrets of zones, copies of points, reference lists. */
  filesMended: number;
  /** Files that stay damaged. */
  filesLeft: number;
  affectedPoints: number;
}

/**
 * Mends what verifications have found: whole records of damaged packs go into new ones, what is lost is forgotten so that
 * it can be stored again. A damaged file goes only when what could be read of it is durable elsewhere, and a pack of which
 * something is lost is set aside, not deleted. May be cut off at any time and run again.
 */
export async function repairRepository(
  host: RepairHost,
  options: RepairOptions,
  signal?: AbortSignal,
): Promise<Repair> {
  const history = await PackHistory.load(host.store);
  const repairer = new Repairer(host, options, history, signal);
  try {
    return await repairer.run();
  } finally {
    if (options.dryRun !== true) await history.save().catch(() => {});
  }
}

class Repairer {
  readonly #host: RepairHost;
  readonly #options: RepairOptions;
  readonly #history: PackHistory;
  readonly #signal: AbortSignal | undefined;
  readonly #pace: Pace;
  readonly #lost = new ChunkSet();
  readonly #report: Repair;

  constructor(host: RepairHost, options: RepairOptions, history: PackHistory, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#options = options;
    this.#history = history;
    this.#signal = signal;
    this.#pace = new Pace(options.bytesPerSecond);
    const none = { packsFlawed: 0, packsUnread: 0, chunksSaved: 0, chunksLost: 0 };
    this.#report = { dryRun: this.#dry, ...none, filesMended: 0, filesLeft: 0, affectedPoints: 0 };
  }

  get #dry(): boolean {
    return this.#options.dryRun === true;
  }

  async run(): Promise<Repair> {
    const mending = { dryRun: this.#dry, onMended: (file: string) => this.#mended(file) };
    await mendConfig(this.#host, mending);
    await mendKeyTables(this.#host, mending);
    await mendZones(this.#host, mending);
    await this.#repairPacks();
    await this.#repairPoints();
    return this.#report;
  }

  async #repairPacks(): Promise<void> {
    const { store, table } = this.#host;
    const stored = await StoredNames.of(store, PACKS_FOLDER);
    const names = [...new Set([...stored.all(), ...table.packNames()])].filter(isPackName);
    this.#report.packsUnread = names.filter((name) => this.#history.of(name).readAt === 0).length;
    const gone = names.filter((name) => !stored.all().includes(name));
    const suspects = new Set([...names.filter((name) => this.#history.of(name).flaws > 0), ...gone]);
    let packs = 0;
    for (const name of suspects) {
      await this.#repairPack(name, stored);
      this.#options.onProgress?.({ packs: ++packs, packsTotal: suspects.size });
    }
  }

  async #repairPack(name: string, stored: StoredNames): Promise<void> {
    const { store } = this.#host;
    try {
      await stored.demand(name);
      const reading = { pace: this.#pace, prove: undefined, onChunk: () => {} };
      const verdict = await readPack(store, name, reading, this.#signal);
      if (verdict.flaws.length === 0) return this.#history.note(name, Date.now(), 0);
      this.#report.packsFlawed += 1;
      await this.#replacePack(name, verdict.whole);
    } catch (thrown) {
      if (toFailure(thrown).code !== 'file-missing') throw thrown;
      this.#report.packsFlawed += 1;
      const lost = this.#forget(name, new Map());
      this.#step(name, `it is gone; ${lost} chunks are lost`);
      this.#retire(name);
    }
  }

  async #replacePack(name: string, whole: Map<number, string>): Promise<void> {
    const { store, confirmLease, onStored } = this.#host;
    const header = await headerOf(store, name);
    const moved = header === undefined ? new Map<number, PackEntry>() : await this.#save(name, header, whole);
    const lost = this.#forget(name, moved);
    this.#report.chunksSaved += moved.size;
    const kept = lost > 0 || header === undefined;
    const aside = kept ? `, and it is set aside` : '';
    this.#step(name, `${moved.size} chunks are saved into a new pack, ${lost} are lost${aside}`);
    if (this.#dry) return;
    await confirmLease();
    const length = (await store.readTail(name, 0)).length;
    if (kept) await setAside(store, name, length);
    this.#retire(name);
    if (await this.#remove(name)) onStored(-length);
  }

  /** False if the store keeps the old pack for a locked recovery point: a repair after the end of the lock removes it. */
  async #remove(name: string): Promise<boolean> {
    try {
      await this.#host.store.remove(name);
      return true;
    } catch (thrown) {
      if (toFailure(thrown).code !== 'object-locked') throw thrown;
      this.#step(name, 'the store keeps the damaged file until the lock of a recovery point has run out');
      return false;
    }
  }

  /** Copies whole records into a new, durable pack and has the index read them there. @returns where each one went */
  async #save(name: string, header: PackHeader, whole: Map<number, string>): Promise<Map<number, PackEntry>> {
    const moved = new Map<number, PackEntry>();
    const records = wholeRecords(this.#host.store, name, whole);
    if (this.#dry) {
      for await (const { entry } of records) moved.set(entry.offset, entry);
      return moved;
    }
    const { table, confirmLease, onStored } = this.#host;
    const { zone, run } = header;
    const file = await PackFile.begin(this.#host.store, run === undefined ? { zone } : { zone, run });
    try {
      for await (const group of groupsOf(records)) {
        this.#signal?.throwIfAborted();
        const written = await file.add(
          group.map(({ entry, bytes }) => ({ entry, parts: [bytes], length: bytes.length })),
        );
        group.forEach(({ entry }, i) => void moved.set(entry.offset, written[i] as PackEntry));
      }
      if (file.isEmpty) {
        await file.discard();
        return moved;
      }
      await confirmLease();
      const number = table.addPack(file.header, await file.finish());
      table.pack(number).length = file.length;
      this.#relocate(name, number, moved);
      onStored(file.length);
      return moved;
    } finally {
      await file.close();
    }
  }

  /** Chunks that were read from the old pack, and those it held that nobody knew of, are read from the new one. */
  #relocate(name: string, pack: number, moved: Map<number, PackEntry>): void {
    const { table } = this.#host;
    const { zone } = table.pack(pack);
    for (const [offset, to] of moved) {
      const entry = table.indexOf(zone)?.find(to.id) ?? -1;
      const place = entry < 0 ? undefined : table.indexOf(zone)?.placeOf(entry);
      const wasHere = place !== undefined && table.pack(place.pack).name === name && place.offset === offset;
      if (wasHere) table.indexOf(zone)?.relocate(entry, { ...to, pack });
      if (place === undefined) {
        table.addEntry(zone, pack, to);
        continue;
      }
      table.pack(pack).recordBytes += to.length;
      if (!wasHere) table.pack(pack).shared = true;
    }
  }

  /** What the index still reads from a pack is lost: known no more, it will be stored again when it comes. */
  #forget(name: string, moved: Map<number, PackEntry>): number {
    const { table } = this.#host;
    let lost = 0;
    for (const { zone, id, found } of [...table.chunksIn(new Set([name]))]) {
      if (moved.get(found.offset)?.id.equals(id) === true) continue;
      lost += 1;
      this.#lost.add(zone, id);
      const index = table.indexOf(zone);
      if (!this.#dry && index !== undefined) index.forget(index.find(id));
    }
    this.#report.chunksLost += lost;
    return lost;
  }

  #retire(name: string): void {
    if (this.#dry) return;
    const { table } = this.#host;
    for (let number = 0; number < table.packCount; number++) {
      if (table.pack(number).name === name) table.pack(number).retired = true;
    }
  }

  async #repairPoints(): Promise<void> {
    const onAffected = (point: AffectedPoint) => {
      this.#report.affectedPoints += 1;
      this.#options.onAffected?.(point);
    };
    const damaged: { file: string; failure: Failure }[] = [];
    const onFlaw = (file: string, failure: Failure) => damaged.push({ file, failure });
    const checks = { pace: this.#pace, lost: this.#lost, onFlaw, onAffected, onMissing: () => {}, onPoint: () => {} };
    await checkPoints(this.#host, checks, this.#signal);
    for (const { file, failure } of damaged) {
      await this.#mendOrLeave(file, failure);
    }
  }

  async #mendOrLeave(file: string, failure: Failure): Promise<void> {
    const options = { dryRun: this.#dry, readTree: this.#options.readTree };
    try {
      const done = await mendFile(this.#host, file, options, this.#signal);
      if (done === undefined) this.#leave(file, failure);
      else this.#mended(file, done);
    } catch (thrown) {
      const first = toFailure(thrown);
      if (first.code !== 'repository-locked') throw thrown;
      this.#leave(file, first);
    }
  }

  #mended(file: string, how = 'it is written anew from what is known of it'): void {
    this.#report.filesMended += 1;
    this.#step(file, how);
  }

  #leave(file: string, failure: Failure): void {
    this.#report.filesLeft += 1;
    this.#options.onFlaw?.(file, fail('file-damaged', `${file} cannot be mended: ${failure.message}`));
  }

  #step(file: string, message: string): void {
    this.#options.onStep?.(file, message);
  }
}

async function* groupsOf(
  records: AsyncIterable<{ entry: PackEntry; bytes: Buffer<ArrayBuffer> }>,
): AsyncGenerator<{ entry: PackEntry; bytes: Buffer<ArrayBuffer> }[], void, undefined> {
  let group: { entry: PackEntry; bytes: Buffer<ArrayBuffer> }[] = [];
  let gathered = 0;
  for await (const record of records) {
    group.push(record);
    gathered += record.bytes.length;
    if (gathered < GROUP) continue;
    yield group;
    group = [];
    gathered = 0;
  }
  if (group.length > 0) yield group;
}
