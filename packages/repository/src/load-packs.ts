import { type Failure, orderedParallel, toFailure } from '@sealift/core';
import { fail } from './failures.ts';
import { decodeFooter, footerSpan, type PackEntry } from './format/pack-footer.ts';
import type { PackHeader } from './format/pack-header.ts';
import type { PackTable } from './index/pack-table.ts';
import { isPackName, isUnfinishedPackName, PACKS_FOLDER } from './layout.ts';
import { type MetadataCache, type Tail, throughCache } from './metadata-cache.ts';
import { PackFile, type RecordToWrite } from './pack-file.ts';
import { type ScannedRecord, scanPackHeader, scanRecords } from './pack-scan.ts';
import { loadSnapshot } from './snapshot/load-snapshot.ts';
import type { SavedPieces } from './snapshot/saved-pieces.ts';
import { snapshotPlace } from './snapshot/snapshot-place.ts';
import type { Store } from './store/store.ts';
import type { InFlightZones } from './zones/in-flight-zones.ts';

/** Read from the end of each pack at first; the footer of a pack of 1 MiB chunks fits many times. */
const TAIL = 64 * 1024;
const READ_AHEAD = 16;
const MOST_LISTINGS = 10;
/** Copied and synced together while salvaging, bytes. */
const SALVAGE_GROUP = 8 * 1024 * 1024;

export interface LoadedPack {
  header: PackHeader;
  entries: PackEntry[];
  name: string;
  length: number;
  /** Its footer cannot be read. */
  damaged?: boolean;
}

export interface LoadOptions {
  /** Torn packs are left where they are and indexed in place. */
  readOnly: boolean;
  /** Told of packs that are damaged, and of what could not be done about them. */
  onProblem: (failure: Failure) => void;
  /** Where ends of packs are kept on this machine. */
  cache?: MetadataCache | undefined;
  /** Encrypted at rest: the master keys there are, and the zones that are sealed under them. */
  sealed?: { zones: InFlightZones; epochs: ReadonlySet<number> } | undefined;
}

export interface LoadedPacks {
  /** What the packs take. */
  storedBytes: number;
  /** There if a snapshot of the index was used. */
  saved: SavedPieces | undefined;
}

/**
 * Fills the table from all packs of a store, and a snapshot that spares reading most of them, salvaging torn ones. Unfinished packs are
 * looked at first: one that another program finishes meanwhile is then found among the finished ones.
 */
export async function loadPacks(store: Store, table: PackTable, options: LoadOptions): Promise<LoadedPacks> {
  const inPlace: LoadedPack[] = [];
  for (const name of (await store.unfinished()).filter(isUnfinishedPackName)) {
    const pack = options.readOnly ? await scanPack(store, name) : await salvage(store, name, options.onProblem);
    if (pack !== undefined) inPlace.push(pack);
  }
  const loaded = await loadFinished(store, table, options);
  // A chunk that is in a finished pack too is read from there.
  for (const pack of inPlace) loaded.storedBytes += addPack(table, pack);
  return loaded;
}

/** A collection that runs elsewhere may take away packs that were listed; what it kept of them is then in new ones. */
async function loadFinished(store: Store, table: PackTable, options: LoadOptions): Promise<LoadedPacks> {
  const listed = await packsOf(store);
  const place = snapshotPlace(store, options.cache);
  const snapshot = place && (await loadSnapshot(place, table, { stored: new Set(listed), sealed: options.sealed }));
  const known = new Set(snapshot?.covered);
  const readBytes = await loadFooters(store, table, { ...options, listed, known });
  return { storedBytes: (snapshot?.storedBytes ?? 0) + readBytes, saved: snapshot?.saved };
}

/** Of packs that are not known, until none that was listed has vanished. */
async function loadFooters(
  store: Store,
  table: PackTable,
  { listed, known, ...options }: LoadOptions & { listed: string[]; known: Set<string> },
): Promise<number> {
  let storedBytes = 0;
  let names = listed.filter((name) => !known.has(name));
  for (let round = 0; round < MOST_LISTINGS; round++) {
    for (const name of names) known.add(name);
    const loaded = await loadListed(store, table, { ...options, names });
    storedBytes += loaded.bytes;
    if (loaded.vanished === 0) break;
    names = (await packsOf(store)).filter((name) => !known.has(name));
  }
  return storedBytes;
}

function takeIn(table: PackTable, pack: LoadedPack, options: LoadOptions): number {
  return opens(pack, options) ? addPack(table, pack) : addClosed(table, pack);
}

/** A pack under a master key that is gone came back, or was published late; what it holds stands elsewhere, or is lost. */
function opens({ header, name }: LoadedPack, { sealed, onProblem }: LoadOptions): boolean {
  if (sealed === undefined || !sealed.zones.has(header.zone)) return true;
  if (header.run !== undefined && sealed.epochs.has(header.run.epoch)) return true;
  const under = header.run === undefined ? 'no master key' : `master key ${header.run.epoch}, which is gone`;
  onProblem(fail('pack-damaged', `Pack ${name} is sealed under ${under}: nothing in it counts as there.`));
  return false;
}

/** Known by name only, and left alone by collections: should its key come back, it can be read again. */
function addClosed(table: PackTable, { header, name, length }: LoadedPack): number {
  const indexed = table.pack(table.addPack(header, name));
  indexed.length = length;
  indexed.damaged = true;
  return length;
}

async function loadListed(
  store: Store,
  table: PackTable,
  { names, ...options }: LoadOptions & { names: string[] },
): Promise<{ bytes: number; vanished: number }> {
  const loaded = { bytes: 0, vanished: 0 };
  for await (const pack of orderedParallel(names, READ_AHEAD, (name) => loadPack(store, name, options))) {
    if (pack === 'vanished') loaded.vanished++;
    else if (pack !== undefined) loaded.bytes += takeIn(table, pack, options);
  }
  return loaded;
}

async function packsOf(store: Store): Promise<string[]> {
  return (await store.list(PACKS_FOLDER)).filter(isPackName);
}

function addPack(table: PackTable, pack: LoadedPack): number {
  const number = table.addPack(pack.header, pack.name);
  const indexed = table.pack(number);
  indexed.length = pack.length;
  if (pack.damaged) indexed.damaged = true;
  for (const entry of pack.entries) table.addEntry(pack.header.zone, number, entry);
  return pack.length;
}

async function loadPack(
  store: Store,
  name: string,
  { onProblem, cache }: LoadOptions,
): Promise<LoadedPack | undefined | 'vanished'> {
  try {
    const read = () => readFooter(store, name);
    return await throughCache(cache, name, read, ({ tail, length }) => ({ ...decodeFooter(tail), name, length }));
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code === 'file-missing') return 'vanished';
    if (failure.kind !== 'corrupt') throw failure;
    const pack = await scanPack(store, name);
    const kept = pack === undefined ? 'nothing of it can be read' : `${pack.entries.length} of its chunks can be read`;
    const message = `The footer of pack ${name} in ${store.location} is damaged; ${kept}.`;
    onProblem(fail('pack-damaged', message, { cause: failure }));
    return pack && { ...pack, damaged: true };
  }
}

export async function readFooter(store: Store, name: string): Promise<Tail> {
  const { tail, length } = await store.readTail(name, TAIL);
  const span = footerSpan(tail, length);
  const bytes = span <= tail.length ? tail.subarray(tail.length - span) : await store.read(name, length - span, span);
  return { tail: bytes, length };
}

/** Reads a pack record by record, as far as it can be read; undefined if not even what it belongs to can be told. */
async function scanPack(store: Store, name: string): Promise<LoadedPack | undefined> {
  const entries: PackEntry[] = [];
  let header: PackHeader | undefined;
  let length = 0;
  try {
    header = await scanPackHeader(store, name);
    length = (await store.readTail(name, 0)).length;
    for await (const record of scanRecords(store, name)) entries.push(keepEntry(record.entry));
  } catch (thrown) {
    if (toFailure(thrown).kind !== 'corrupt') throw thrown;
  }
  return header && { header, entries, name, length };
}

/** A copy that does not hold on to the whole record. */
function keepEntry(entry: PackEntry): PackEntry {
  const { id, checksum, members } = entry;
  return { ...entry, id: Buffer.from(id), checksum: Buffer.from(checksum), members: Buffer.from(members) };
}

/** Finishes a torn pack, or returns it as it stands if that cannot be done now. */
async function salvage(
  store: Store,
  name: string,
  onProblem: LoadOptions['onProblem'],
): Promise<LoadedPack | undefined> {
  try {
    const header = await scanPackHeader(store, name);
    if (header !== undefined) await copyRecords(store, name, header);
    await store.remove(name);
    return undefined;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind === 'bug' || failure.code === 'repository-too-new') throw failure;
    onProblem(failure);
    return scanPack(store, name);
  }
}

/**
 * Copies the whole records of a torn pack into a new, finished one. Copying keeps a predecessor that is still writing
 * to the torn file, after losing its lease, from touching a finished pack.
 */
async function copyRecords(store: Store, name: string, header: PackHeader): Promise<void> {
  const { zone, run } = header;
  const pack = await PackFile.begin(store, run === undefined ? { zone } : { zone, run });
  try {
    for await (const group of groupsOf(scanRecords(store, name))) await pack.add(group);
    if (pack.isEmpty) await pack.discard();
    else await pack.finish();
  } catch (thrown) {
    await pack.discard();
    throw thrown;
  }
}

/** Records gathered so that one sync covers several MiB. */
async function* groupsOf(records: AsyncIterable<ScannedRecord>): AsyncGenerator<RecordToWrite[], void, undefined> {
  let group: RecordToWrite[] = [];
  let gathered = 0;
  for await (const { entry, bytes } of records) {
    group.push({ entry: keepEntry(entry), parts: [bytes], length: entry.length });
    gathered += entry.length;
    if (gathered < SALVAGE_GROUP) continue;
    yield group;
    group = [];
    gathered = 0;
  }
  if (group.length > 0) yield group;
}

/** Removes what a crash left of files that were being published. */
export async function removeLeftovers(store: Store): Promise<void> {
  for (const name of await store.unfinished()) {
    if (!isUnfinishedPackName(name)) await store.remove(name);
  }
}
