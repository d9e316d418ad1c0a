import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';

const MAGIC = Buffer.from('SLVP');
const VERSION = 1;
const ENTRY_LENGTH = 36;

/** What is known of the last reading of a pack. Times are ms since 1970. */
export interface VerifiedPack {
  /** 16 bytes. */
  packId: Buffer;
  /** When a verification first saw it. */
  seenAt: number;
  /** When it was last read whole; 0 for never. */
  readAt: number;
  /** Flaws found then. */
  flaws: number;
}

/** Magic, u16 version, u16 zero, u32 count, count x {pack id, u64 seenAt, u64 readAt, u32 flaws}, SHA-256 of all before. */
export function encodeVerifiedPacks(packs: readonly VerifiedPack[]): Buffer {
  const writer = new ByteWriter(64 + packs.length * ENTRY_LENGTH);
  writer.bytes(MAGIC).u16(VERSION).u16(0).u32(packs.length);
  for (const { packId, seenAt, readAt, flaws } of packs) writer.bytes(packId).u64(seenAt).u64(readAt).u32(flaws);
  return writer.bytes(sha256(writer.finish())).finish();
}

export function decodeVerifiedPacks(bytes: Buffer): VerifiedPack[] {
  const reader = new ByteReader(bytes, 'list of verified packs');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  reader.u16();
  const count = reader.count(ENTRY_LENGTH);
  const packs = Array.from({ length: count }, () => {
    return { packId: reader.take(16), seenAt: reader.u64(), readAt: reader.u64(), flaws: reader.u32() };
  });
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  if (version > VERSION) throw fail('repository-too-new', `A list of verified packs has version ${version}.`);
  reader.end();
  return packs;
}
