import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';

const MAGIC = Buffer.from('SLIX');
const VERSION = 2;
/** Entries of an index stand in the byte order of the machine. */
const ORDER = Buffer.from(new Uint32Array([0x01020304]).buffer);
const HASH_LENGTH = 32;
const PIECE_LENGTH = HASH_LENGTH + 4;
const RUN_LENGTH = 68;
const ZONE_LEAST = 24;
export const SAVED_PACK_LENGTH = 56;

/** 0: the index knows all of it and reads all of it there. 1: it reads some of it elsewhere. 2: not to be relied on. */
export const PACK_STATE = { whole: 0, shared: 1, unknown: 2 } as const;
export type PackState = (typeof PACK_STATE)[keyof typeof PACK_STATE];

/** A file of a snapshot. It has the name of its SHA-256; the CRC-32 is what is compared at each opening, for it is soon made. */
export interface Piece {
  name: string;
  crc: number;
}

/** What the other files of a snapshot are, and what they need. */
export interface SnapshotHead {
  repositoryId: Buffer;
  runs: RunRecord[];
  packCount: number;
  packs: Piece[];
  zones: { zone: Buffer; entryCount: number; pieces: Piece[] }[];
}

/** A pack as a snapshot knows it. */
export interface SavedPack {
  packId: Buffer;
  /** Number of its zone in the head. */
  zone: number;
  /** Number of its run in the head, or -1. */
  run: number;
  /** 0 if none is known. */
  masterEpoch: number;
  state: PackState;
  createdAt: number;
  length: number;
  recordBytes: number;
}

/**
 * Magic, u16 version, u16 zero, byte order (4), repository id, u32 count of runs, each {salt, u32 epoch, commitment}, u32
 * count of packs, pieces of the pack list, u32 count of zones, each {zone, u32 entries, pieces}, SHA-256 of all before.
 * Pieces are u32 count and {SHA-256, u32 CRC-32} of each.
 */
export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  const writer = new ByteWriter(4096);
  writer.bytes(MAGIC).u16(VERSION).u16(0).bytes(ORDER).bytes(head.repositoryId).u32(head.runs.length);
  for (const { runSalt, epoch, commitment } of head.runs) writer.bytes(runSalt).u32(epoch).bytes(commitment);
  writer.u32(head.packCount);
  writePieces(writer, head.packs);
  writer.u32(head.zones.length);
  for (const { zone, entryCount, pieces } of head.zones) {
    writer.bytes(zone).u32(entryCount);
    writePieces(writer, pieces);
  }
  return writer.bytes(sha256(writer.finish())).finish();
}

/** @throws Failure `format-damaged`, also for one of another version or of a machine with another byte order */
export function decodeSnapshotHead(bytes: Buffer): SnapshotHead {
  const reader = new ByteReader(bytes.subarray(0, Math.max(0, bytes.length - HASH_LENGTH)), 'index snapshot');
  const summed = bytes.subarray(0, reader.remaining);
  if (!sha256(summed).equals(bytes.subarray(summed.length))) throw reader.damaged('its checksum does not hold');
  if (!reader.take(4).equals(MAGIC) || reader.u16() !== VERSION) throw reader.damaged('it is none of this version');
  reader.u16();
  if (!reader.take(4).equals(ORDER)) throw reader.damaged('it is of another kind of machine');
  const repositoryId = reader.take(16);
  const runs = Array.from({ length: reader.count(RUN_LENGTH) }, () => {
    return { runSalt: reader.take(32), epoch: reader.u32(), commitment: reader.take(32) };
  });
  const packCount = reader.u32();
  const packs = readPieces(reader);
  const zones = Array.from({ length: reader.count(ZONE_LEAST) }, () => {
    return { zone: Buffer.from(reader.take(16)), entryCount: reader.u32(), pieces: readPieces(reader) };
  });
  reader.end();
  return { repositoryId, runs, packCount, packs, zones };
}

function writePieces(writer: ByteWriter, pieces: readonly Piece[]): void {
  writer.u32(pieces.length);
  for (const { name, crc } of pieces) writer.bytes(Buffer.from(name, 'hex')).u32(crc);
}

function readPieces(reader: ByteReader): Piece[] {
  return Array.from({ length: reader.count(PIECE_LENGTH) }, () => {
    return { name: reader.take(HASH_LENGTH).toString('hex'), crc: reader.u32() };
  });
}

/** {pack id, u32 zone, u32 run + 1, u32 master epoch, u32 state, u64 createdAt, u64 length, u64 bytes of records} each. */
export function encodeSavedPacks(packs: readonly SavedPack[]): Buffer<ArrayBuffer> {
  const writer = new ByteWriter(packs.length * SAVED_PACK_LENGTH);
  for (const { packId, zone, run, masterEpoch, state, ...pack } of packs) {
    writer
      .bytes(packId)
      .u32(zone)
      .u32(run + 1)
      .u32(masterEpoch)
      .u32(state);
    writer.u64(pack.createdAt).u64(pack.length).u64(pack.recordBytes);
  }
  return Buffer.from(writer.finish());
}

export function decodeSavedPacks(bytes: Buffer, head: SnapshotHead): SavedPack[] {
  const reader = new ByteReader(bytes, 'pack list of an index snapshot');
  const packs: SavedPack[] = [];
  while (reader.remaining > 0) {
    const named = { packId: Buffer.from(reader.take(16)), zone: reader.u32(), run: reader.u32() - 1 };
    const masterEpoch = reader.u32();
    const state = reader.u32() as PackState;
    const sizes = { createdAt: reader.u64(), length: reader.u64(), recordBytes: reader.u64() };
    const fits = named.zone < head.zones.length && named.run < head.runs.length && state <= PACK_STATE.unknown;
    if (!fits) throw fail('format-damaged', 'A pack of an index snapshot has a zone, run or state that is not there.');
    packs.push({ ...named, masterEpoch, state, ...sizes });
  }
  return packs;
}
