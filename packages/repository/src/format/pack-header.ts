import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { crcOf } from './checksum.ts';

const MAGIC = Buffer.from('SLPK');
export const PACK_VERSION = 1;
export const PACK_HEADER_LENGTH = 128;
const FLAG_RUN = 1;
const NO_RUN: RunRecord = { runSalt: Buffer.alloc(32), epoch: 0, commitment: Buffer.alloc(32) };

export interface PackHeader {
  /** 16 random bytes, also the file's name. */
  packId: Buffer;
  /** Dedup zone of every chunk in the pack. */
  zone: Buffer;
  /** The run that sealed the chunks, source-side only. */
  run?: RunRecord;
  /** ms since 1970. */
  createdAt: number;
}

/** Magic, u16 version, u16 flags (1: run given), packId, zone, runSalt, u32 epoch, commitment, u64 createdAt, 8 zero bytes, CRC-32. */
export function encodePackHeader(header: PackHeader): Buffer {
  const run = header.run ?? NO_RUN;
  const writer = new ByteWriter(PACK_HEADER_LENGTH);
  writer.bytes(MAGIC).u16(PACK_VERSION);
  writer.u16(header.run === undefined ? 0 : FLAG_RUN);
  writer.bytes(header.packId).bytes(header.zone);
  writer.bytes(run.runSalt).u32(run.epoch).bytes(run.commitment);
  writer.u64(header.createdAt).u64(0);
  return writer.u32(crcOf(writer.finish())).finish();
}

/** The CRC comes before the version: packs are many, and one flipped bit must not pass for a newer format. */
export function decodePackHeader(bytes: Buffer): PackHeader {
  const reader = new ByteReader(bytes, 'pack header');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  const flags = reader.u16();
  const ids = { packId: reader.take(16), zone: reader.take(16) };
  const run: RunRecord = { runSalt: reader.take(32), epoch: reader.u32(), commitment: reader.take(32) };
  const createdAt = reader.u64();
  reader.take(8);
  const summed = bytes.subarray(0, reader.position);
  if (crcOf(summed) !== reader.u32()) throw reader.damaged('its checksum does not hold');
  if (version > PACK_VERSION) {
    throw fail('repository-too-new', `A pack has format version ${version}; this program knows ${PACK_VERSION}.`);
  }
  if (version === 0 || flags > FLAG_RUN) throw reader.damaged(`version ${version} with flags ${flags}`);
  return flags & FLAG_RUN ? { ...ids, createdAt, run } : { ...ids, createdAt };
}
