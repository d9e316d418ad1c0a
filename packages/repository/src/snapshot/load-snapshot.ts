import { orderedParallel } from '@sealift/core';
import { fail } from '../failures.ts';
import { crcOf } from '../format/checksum.ts';
import {
  decodeSavedPacks,
  decodeSnapshotHead,
  PACK_STATE,
  type Piece,
  type SavedPack,
  type SnapshotHead,
} from '../format/index-snapshot.ts';
import { ENTRIES_PER_PIECE, pieceLength } from '../index/entry-blocks.ts';
import type { HashIndex } from '../index/hash-index.ts';
import type { PackTable, RestoredPack } from '../index/pack-table.ts';
import { packName } from '../layout.ts';
import type { InFlightZones } from '../zones/in-flight-zones.ts';
import { SavedPieces } from './saved-pieces.ts';
import type { SnapshotPlace } from './snapshot-place.ts';

const READ_AHEAD = 4;
const HEAD = 'head';

/** Of a snapshot that was taken over. */
export interface LoadedSnapshot {
  /** Packs whose footers need not be read. */
  covered: ReadonlySet<string>;
  saved: SavedPieces;
  storedBytes: number;
}

/** What there is now. */
export interface Present {
  /** Names of packs. */
  stored: ReadonlySet<string>;
  /** Encrypted at rest: the master keys there are, and the zones that are sealed under them. */
  sealed: { zones: InFlightZones; epochs: ReadonlySet<number> } | undefined;
}

/**
 * Fills an empty table from a snapshot, as far as it holds for the packs that are stored now. Whatever is wrong with it,
 * the table is left empty then: all of it stands in the packs.
 */
export async function loadSnapshot(
  place: SnapshotPlace,
  table: PackTable,
  present: Present,
): Promise<LoadedSnapshot | undefined> {
  try {
    const head = decodeSnapshotHead(demand(await place.read(HEAD)));
    if (!head.repositoryId.equals(table.ownZone)) return undefined;
    const packs = await readPacks(place, head);
    const kept = keptPacks(packs, head, present);
    const covered = packs.filter((_, number) => kept[number] === 1);
    // One that is mostly waste is made anew.
    if (covered.length * 2 < packs.length) return undefined;
    const saved = new SavedPieces();
    saved.packCount = packs.length;
    const indexes = await readIndexes({ place, head, kept, saved }, () => table.newIndex());
    table.restore(restoredPacks(packs, head, kept), head.runs, indexes);
    return {
      covered: new Set(covered.map(({ name }) => name)),
      saved,
      storedBytes: covered.reduce((sum, { length }) => sum + length, 0),
    };
  } catch {
    return undefined;
  }
}

interface NamedPack extends SavedPack {
  name: string;
}

/**
 * The packs of which the index knows all there is, a byte each. If one is gone, what it shared with others may be found in
 * them alone, so these are read again.
 */
function keptPacks(packs: readonly NamedPack[], head: SnapshotHead, { stored, sealed }: Present): Uint8Array {
  const isSealed = head.zones.map(({ zone }) => sealed?.zones.has(zone) === true);
  const isOpen = ({ zone, masterEpoch }: SavedPack) =>
    isSealed[zone] !== true || sealed?.epochs.has(masterEpoch) === true;
  const isThere = (pack: NamedPack) => pack.state !== PACK_STATE.unknown && stored.has(pack.name) && isOpen(pack);
  const there = Uint8Array.from(packs, (pack) => (isThere(pack) ? 1 : 0));
  if (!there.includes(0)) return there;
  return there.map((each, number) => (packs[number]?.state === PACK_STATE.whole ? each : 0));
}

function restoredPacks(packs: readonly NamedPack[], head: SnapshotHead, kept: Uint8Array): RestoredPack[] {
  return packs.map((pack, number) => {
    const { name, createdAt, length, recordBytes, run } = pack;
    const zone = (head.zones[pack.zone] as SnapshotHead['zones'][number]).zone;
    const restored: RestoredPack = { name, run, zone, createdAt, length, recordBytes };
    if (pack.masterEpoch > 0) restored.masterEpoch = pack.masterEpoch;
    if (pack.state === PACK_STATE.shared) restored.shared = true;
    if (kept[number] !== 1) restored.retired = true;
    return restored;
  });
}

async function readPacks(place: SnapshotPlace, head: SnapshotHead): Promise<NamedPack[]> {
  const packs: NamedPack[] = [];
  for await (const bytes of readPieces(place, head.packs)) {
    for (const pack of decodeSavedPacks(bytes, head)) packs.push(Object.assign(pack, { name: packName(pack.packId) }));
  }
  if (packs.length !== head.packCount) throw fail('format-damaged', `${packs.length} packs, not ${head.packCount}.`);
  return packs;
}

async function readIndexes(
  from: { place: SnapshotPlace; head: SnapshotHead; kept: Uint8Array; saved: SavedPieces },
  newIndex: () => HashIndex,
): Promise<{ zone: Buffer; index: HashIndex }[]> {
  const { place, head, kept, saved } = from;
  await using begun = new AsyncDisposableStack();
  const indexes: { zone: Buffer; index: HashIndex }[] = [];
  for (const { zone, entryCount, pieces } of head.zones) {
    const index = begun.use(newIndex());
    if (Math.ceil(entryCount / ENTRIES_PER_PIECE) !== pieces.length)
      throw fail('format-damaged', 'Pieces are missing.');
    index.reserve(entryCount);
    const known = saved.of(index.entries.numbering);
    for await (const bytes of readPieces(place, pieces)) {
      const entries = Math.min(ENTRIES_PER_PIECE, entryCount - index.entryCount);
      if (bytes.length !== pieceLength(entries)) throw fail('format-damaged', 'A piece has another length.');
      index.addPiece(bytes, kept, entryCount);
      known.push({ ...(pieces[known.length] as Piece), entries });
    }
    indexes.push({ zone, index });
  }
  begun.move();
  return indexes;
}

function readPieces(place: SnapshotPlace, pieces: readonly Piece[]): AsyncIterable<Buffer<ArrayBuffer>> {
  return orderedParallel(pieces, READ_AHEAD, async ({ name, crc }) => {
    const bytes = demand(await place.read(name));
    if (crcOf(bytes) !== crc) throw fail('format-damaged', `${name} was changed.`);
    return bytes;
  });
}

function demand(bytes: Buffer<ArrayBuffer> | undefined): Buffer<ArrayBuffer> {
  if (bytes === undefined) throw fail('file-missing', 'A piece is missing.');
  return bytes;
}
