import { crcOf, sha256InBackground } from '../format/checksum.ts';
import {
  encodeSavedPacks,
  encodeSnapshotHead,
  PACK_STATE,
  type PackState,
  type Piece,
  type SavedPack,
} from '../format/index-snapshot.ts';
import type { Entries } from '../index/entries.ts';
import { ENTRIES_PER_PIECE } from '../index/entry-blocks.ts';
import type { IndexedPack, PackTable } from '../index/pack-table.ts';
import { isPackName, packIdOf } from '../layout.ts';
import type { SavedPieces } from './saved-pieces.ts';
import type { SnapshotPlace } from './snapshot-place.ts';

/** Packs in one file, 900 KiB. */
const PACKS_PER_PIECE = 16384;
const HEAD = 'head';

/** What a snapshot will tell of, as it was at one moment. */
interface Moment {
  zones: { zone: Buffer; entries: Entries; entryCount: number; rewrites: number }[];
  states: Uint8Array;
  /** Packs that were not finished. */
  growing: number;
}

/**
 * Writes what changed since the last snapshot, the head last: until then the former snapshot holds. Backups go on
 * meanwhile: what they append comes into the next one.
 * @returns false if something known already was changed meanwhile, as a collection does; then nothing counts
 */
export async function saveSnapshot(place: SnapshotPlace, table: PackTable, saved: SavedPieces): Promise<boolean> {
  const moment = momentOf(table);
  const zones: { zone: Buffer; entryCount: number; pieces: Piece[] }[] = [];
  for (const of of moment.zones) {
    const pieces = await savePieces(place, of, saved);
    zones.push({ zone: of.zone, entryCount: of.entryCount, pieces });
  }
  const runs = [...table.runs];
  const packs = await savePacks(place, table, moment);
  if (!isStill(moment, table)) return false;
  const head = { repositoryId: table.ownZone, runs, packCount: moment.states.length, packs, zones };
  await place.write(HEAD, Buffer.from(encodeSnapshotHead(head)));
  saved.packCount = moment.states.length;
  saved.growing = moment.growing;
  await place.keepOnly(
    new Set([HEAD, ...[...packs, ...zones.flatMap(({ pieces }) => pieces)].map(({ name }) => name)]),
  );
  return true;
}

function momentOf(table: PackTable): Moment {
  const left = new Set<number>();
  const zones = table.zones().map(({ zone, index }) => {
    for (const pack of index.left) left.add(pack);
    return { zone, entries: index.entries, entryCount: index.entryCount, rewrites: index.entries.numbering.rewrites };
  });
  const states = new Uint8Array(table.packCount);
  let growing = 0;
  for (let number = 0; number < states.length; number++) {
    const pack = table.pack(number);
    states[number] = left.has(number) ? PACK_STATE.unknown : stateOf(pack);
    if (!pack.retired && isGrowing(pack)) growing++;
  }
  return { zones, states, growing };
}

/** Of a pack that grows, more will be there at the next opening than is known now. */
function stateOf({ name, length, damaged, retired, shared }: IndexedPack): PackState {
  if (retired || damaged || isGrowing({ name, length })) return PACK_STATE.unknown;
  return shared ? PACK_STATE.shared : PACK_STATE.whole;
}

function isGrowing({ name, length }: Pick<IndexedPack, 'name' | 'length'>): boolean {
  return length === 0 || !isPackName(name);
}

function isStill({ zones }: Moment, table: PackTable): boolean {
  return zones.every(({ zone, entries, rewrites }) => {
    const { numbering } = entries;
    return table.indexOf(zone)?.entries.numbering === numbering && numbering.rewrites === rewrites;
  });
}

async function savePieces(
  place: SnapshotPlace,
  { entries, entryCount }: Moment['zones'][number],
  saved: SavedPieces,
): Promise<Piece[]> {
  const known = saved.of(entries.numbering);
  const pieces: Piece[] = [];
  for (let piece = 0; piece * ENTRIES_PER_PIECE < entryCount; piece++) {
    const count = Math.min(ENTRIES_PER_PIECE, entryCount - piece * ENTRIES_PER_PIECE);
    if (known[piece]?.entries !== count) {
      known[piece] = { ...(await writePiece(place, entries.copyOf(piece, entryCount))), entries: count };
    }
    pieces.push(known[piece] as Piece);
  }
  return pieces;
}

async function writePiece(place: SnapshotPlace, bytes: Buffer<ArrayBuffer>): Promise<Piece> {
  const name = (await sha256InBackground(bytes)).toString('hex');
  await place.write(name, bytes);
  return { name, crc: crcOf(bytes) };
}

async function savePacks(place: SnapshotPlace, table: PackTable, { zones, states }: Moment): Promise<Piece[]> {
  const zoneNumbers = new Map(zones.map(({ zone }, number) => [zone.toString('hex'), number]));
  const pieces: Piece[] = [];
  for (let from = 0; from < states.length; from += PACKS_PER_PIECE) {
    const packs: SavedPack[] = [];
    for (let number = from; number < Math.min(from + PACKS_PER_PIECE, states.length); number++) {
      const pack = table.pack(number);
      const zone = zoneNumbers.get(pack.zone.toString('hex')) as number;
      packs.push(savedPack(pack, zone, states[number] as PackState));
    }
    const bytes = encodeSavedPacks(packs);
    pieces.push(await writePiece(place, bytes));
  }
  return pieces;
}

function savedPack(pack: IndexedPack, zone: number, state: PackState): SavedPack {
  const { name, run, masterEpoch = 0, createdAt, length, recordBytes } = pack;
  return { packId: packIdOf(name), zone, run, masterEpoch, state, createdAt, length, recordBytes };
}
