import { orderedParallel } from '@sealift/core';
import { fail } from '../failures.ts';
import { sha256InBackground } from '../format/checksum.ts';
import {
  decodeSavedPacks,
  decodeSnapshotHead,
  PACK_STATE,
  type Pieces,
  type SavedPack,
  type SnapshotHead,
} from '../format/index-snapshot.ts';
import { ENTRIES_PER_PIECE, EntryBlocks, pieceLength } from '../index/entry-blocks.ts';
import { HashIndex } from '../index/hash-index.ts';
import type { PackTable, RestoredPack } from '../index/pack-table.ts';
import { packName } from '../layout.ts';
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
  /** Encrypted at rest: the master keys there are, and the zone that is sealed under them. */
  sealed: { zone: Buffer; epochs: ReadonlySet<number> } | undefined;
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
    // One that is mostly waste is made anew.
    if (kept.size * 2 < packs.length) return undefined;
    const saved = new SavedPieces();
    saved.packCount = packs.length;
    const indexes = await readIndexes({ place, head, kept, saved });
    table.restore(restoredPacks(packs, head, kept), head.runs, indexes);
    const covered = [...kept].map((number) => packs[number] as SavedPack);
    return {
      covered: new Set(covered.map(({ packId }) => packName(packId))),
      saved,
      storedBytes: covered.reduce((sum, { length }) => sum + length, 0),
    };
  } catch {
    return undefined;
  }
}

/**
 * Numbers of the packs of which the index knows all there is. If one is gone, what it shared with others may be found in
 * them alone, so these are read again.
 */
function keptPacks(packs: readonly SavedPack[], head: SnapshotHead, { stored, sealed }: Present): Set<number> {
  const sealedZone = sealed === undefined ? -1 : head.zones.findIndex(({ zone }) => zone.equals(sealed.zone));
  const isOpen = ({ zone, masterEpoch }: SavedPack) => zone !== sealedZone || sealed?.epochs.has(masterEpoch) === true;
  const isThere = (pack: SavedPack) =>
    pack.state !== PACK_STATE.unknown && stored.has(packName(pack.packId)) && isOpen(pack);
  const allThere = packs.every(isThere);
  const kept = new Set<number>();
  for (const [number, pack] of packs.entries()) {
    if (isThere(pack) && (allThere || pack.state === PACK_STATE.whole)) kept.add(number);
  }
  return kept;
}

function restoredPacks(packs: readonly SavedPack[], head: SnapshotHead, kept: ReadonlySet<number>): RestoredPack[] {
  return packs.map((pack, number) => {
    const { createdAt, length, recordBytes, run } = pack;
    const zone = (head.zones[pack.zone] as SnapshotHead['zones'][number]).zone;
    const restored: RestoredPack = { name: packName(pack.packId), run, zone, createdAt, length, recordBytes };
    if (pack.masterEpoch > 0) restored.masterEpoch = pack.masterEpoch;
    if (pack.state === PACK_STATE.shared) restored.shared = true;
    if (!kept.has(number)) restored.retired = true;
    return restored;
  });
}

async function readPacks(place: SnapshotPlace, head: SnapshotHead): Promise<SavedPack[]> {
  const packs: SavedPack[] = [];
  for await (const bytes of readPieces(place, head.packs)) {
    for (const pack of decodeSavedPacks(bytes, head)) packs.push(pack);
  }
  if (packs.length !== head.packCount) throw fail('format-damaged', `${packs.length} packs, not ${head.packCount}.`);
  return packs;
}

async function readIndexes(from: {
  place: SnapshotPlace;
  head: SnapshotHead;
  kept: ReadonlySet<number>;
  saved: SavedPieces;
}): Promise<{ zone: Buffer; index: HashIndex }[]> {
  const { place, head, kept, saved } = from;
  const indexes: { zone: Buffer; index: HashIndex }[] = [];
  const isKept = Uint8Array.from({ length: head.packCount }, (_, number) => (kept.has(number) ? 1 : 0));
  for (const { zone, entryCount, pieces } of head.zones) {
    const entries = new EntryBlocks();
    const known = saved.of(entries);
    for await (const bytes of readPieces(place, pieces)) {
      const count = Math.min(ENTRIES_PER_PIECE, entryCount - entries.count);
      if (bytes.length !== pieceLength(count)) throw fail('format-damaged', 'A piece has another length.');
      entries.appendPiece(bytes);
      known.push({ hash: pieces[known.length] as string, entries: count });
    }
    if (entries.count !== entryCount) throw fail('format-damaged', 'Entries are missing.');
    indexes.push({ zone, index: await HashIndex.restore(entries, (pack) => isKept[pack] === 1) });
  }
  return indexes;
}

function readPieces(place: SnapshotPlace, pieces: Pieces): AsyncIterable<Buffer<ArrayBuffer>> {
  return orderedParallel(pieces, READ_AHEAD, async (name) => {
    const bytes = demand(await place.read(name));
    if ((await sha256InBackground(bytes)).toString('hex') !== name)
      throw fail('format-damaged', `${name} was changed.`);
    return bytes;
  });
}

function demand(bytes: Buffer<ArrayBuffer> | undefined): Buffer<ArrayBuffer> {
  if (bytes === undefined) throw fail('file-missing', 'A piece is missing.');
  return bytes;
}
