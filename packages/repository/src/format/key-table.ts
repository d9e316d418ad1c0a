import {
  checkKdf,
  type KdfParameters,
  SALT_LENGTH,
  SEALED_MASTER_LENGTH,
  SLOT_PUBLIC_LENGTH,
  WRAPPED_SECRET_LENGTH,
} from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { ZONE_LENGTH } from './limits.ts';
import { MOST_ZONES } from './zone-secret.ts';

const MAGIC = Buffer.from('SLKT');
/** Version 2 has foreign zones; a table without is written as one of version 1. */
const VERSION = 2;
const ZONELESS_VERSION = 1;
const MAC_LENGTH = 32;
const CHECK_LENGTH = 32;
/** Slots one table may have. */
export const MOST_SLOTS = 32;
/** Master keys before the present one that data may still be sealed under. */
export const MOST_EARLIER = 1024;
const LONGEST_LABEL = 256;
const LONGEST_CIPHERTEXT = 4096;
/** Longest key table, bytes: every slot, earlier key and zone at its longest. */
export const LONGEST_KEY_TABLE = 1024 * 1024;

const KINDS = ['password', 'kms', 'keyfile'] as const;
export type SlotKind = (typeof KINDS)[number];

/** How the key of a slot is come by; nothing here is secret. */
export interface SlotDescription {
  /** 16 bytes, a UUID. */
  id: Buffer;
  kind: SlotKind;
  /** For people. */
  label: string;
  /** Kind password: the slot key is Argon2id of it. */
  kdf?: KdfParameters & { salt: Buffer };
  /** Kind kms: the slot key is what the service unwraps. A reference only selects among keys configured here. */
  kms?: { provider: string; keyRef: string; ciphertext: Buffer };
}

export interface KeySlot extends SlotDescription {
  /** Tells a wrong key from a damaged table, 32 bytes. */
  checkValue: Buffer;
  /** 1216 bytes: master keys are sealed to it. */
  publicKey: Buffer;
  /** The present master key, 1168 bytes. */
  sealedMaster: Buffer;
}

export interface KeyTable {
  repositoryId: Buffer;
  /** Counts the tables of a repository, from 1. */
  generation: number;
  /** Number of the present master key, from 1. */
  epoch: number;
  /** Under the present master key. */
  wrappedDedupSecret: Buffer;
  /** Master keys before it under which data is still sealed, each wrapped under the present one. */
  earlier: { epoch: number; wrapped: Buffer }[];
  /** Zones of other repositories, each with its dedup secret under the present master key. */
  zones: { zone: Buffer; wrapped: Buffer }[];
  slots: KeySlot[];
}

export interface DecodedKeyTable extends KeyTable {
  /** What the MAC covers, and the MAC: it can be checked once a slot has given the master key. */
  authenticated: Buffer;
  mac: Buffer;
}

/**
 * Magic, u16 version, u16 zero, repository id, u64 generation, u32 epoch, wrapped dedup secret, u32 count of earlier
 * keys, each u32 epoch and wrapped key, in version 2 u32 count of zones, each zone and wrapped secret, u32 count of slots, slots, MAC under the master key, SHA-256 of all before.
 */
export function encodeKeyTable(table: KeyTable, mac: (authenticated: Buffer) => Buffer): Buffer {
  const { slots, earlier, zones } = table;
  if (slots.length === 0 || slots.length > MOST_SLOTS || earlier.length > MOST_EARLIER) {
    throw fail('format-limit', `A key table cannot have ${slots.length} slots and ${earlier.length} earlier keys.`);
  }
  if (zones.length > MOST_ZONES) throw fail('format-limit', `A key table cannot have ${zones.length} zones.`);
  const version = zones.length === 0 ? ZONELESS_VERSION : VERSION;
  const writer = new ByteWriter(4096).bytes(MAGIC).u16(version).u16(0).bytes(table.repositoryId);
  writer.u64(table.generation).u32(table.epoch).bytes(table.wrappedDedupSecret).u32(earlier.length);
  for (const { epoch, wrapped } of earlier) writer.u32(epoch).bytes(wrapped);
  if (zones.length > 0) writer.u32(zones.length);
  for (const { zone, wrapped } of zones) writer.bytes(zone).bytes(wrapped);
  writer.u32(slots.length);
  for (const slot of slots) {
    writeSlotHeader(writer, slot);
    writer.bytes(slot.sealedMaster);
  }
  writer.bytes(mac(writer.finish()));
  return writer.bytes(sha256(writer.finish())).finish();
}

/** What a sealed master key is bound to: the repository, the number of the key, and all the table says of the slot. */
export function slotHeader(of: { repositoryId: Buffer; epoch: number }, slot: Omit<KeySlot, 'sealedMaster'>): Buffer {
  const writer = new ByteWriter(2048).bytes(of.repositoryId).u32(of.epoch);
  writeSlotHeader(writer, slot);
  return writer.finish();
}

/** u8 kind, three zero bytes, id, check value, public key, label, then KDF parameters or KMS wrap; texts after u16 lengths. */
function writeSlotHeader(writer: ByteWriter, slot: Omit<KeySlot, 'sealedMaster'>): void {
  writer.u8(KINDS.indexOf(slot.kind) + 1).bytes(Buffer.alloc(3));
  writer.bytes(slot.id).bytes(slot.checkValue).bytes(slot.publicKey);
  writeShort(writer, Buffer.from(slot.label), LONGEST_LABEL);
  if (slot.kdf !== undefined) {
    const { memoryKiB, passes, lanes, salt } = slot.kdf;
    writer.u32(memoryKiB).u32(passes).u32(lanes).bytes(salt);
  } else if (slot.kms !== undefined) {
    writeShort(writer, Buffer.from(slot.kms.provider), LONGEST_CIPHERTEXT);
    writeShort(writer, Buffer.from(slot.kms.keyRef), LONGEST_CIPHERTEXT);
    writeShort(writer, slot.kms.ciphertext, LONGEST_CIPHERTEXT);
  }
}

function writeShort(writer: ByteWriter, bytes: Buffer, longest: number): void {
  if (bytes.length > longest)
    throw fail('format-limit', `A field of a key slot has ${bytes.length} bytes, over ${longest}.`);
  writer.u16(bytes.length).bytes(bytes);
}

/** Checks everything but the MAC, for which a slot must be opened first. */
export function decodeKeyTable(bytes: Buffer): DecodedKeyTable {
  const reader = new ByteReader(bytes, 'key table');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  if (version > VERSION) {
    throw fail('repository-too-new', `A key table has format version ${version}; this program knows ${VERSION}.`);
  }
  if (version === 0 || reader.u16() !== 0) throw reader.damaged('a field has an unknown value');
  const head = { repositoryId: reader.take(ZONE_LENGTH), generation: reader.u64(), epoch: reader.u32() };
  const wrappedDedupSecret = reader.take(WRAPPED_SECRET_LENGTH);
  const earlier = Array.from({ length: reader.count(4 + WRAPPED_SECRET_LENGTH) }, () => ({
    epoch: reader.u32(),
    wrapped: reader.take(WRAPPED_SECRET_LENGTH),
  }));
  const zones = version === ZONELESS_VERSION ? [] : readZones(reader);
  const slots = Array.from({ length: reader.count(SLOT_PUBLIC_LENGTH + SEALED_MASTER_LENGTH) }, () => readSlot(reader));
  const authenticated = bytes.subarray(0, reader.position);
  const mac = reader.take(MAC_LENGTH);
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  reader.end();
  if (slots.length === 0 || slots.length > MOST_SLOTS || earlier.length > MOST_EARLIER || head.epoch === 0) {
    throw reader.damaged('a count is out of range');
  }
  return { ...head, wrappedDedupSecret, earlier, zones, slots, authenticated, mac };
}

function readZones(reader: ByteReader): KeyTable['zones'] {
  const count = reader.count(ZONE_LENGTH + WRAPPED_SECRET_LENGTH);
  if (count === 0 || count > MOST_ZONES) throw reader.damaged('a count is out of range');
  return Array.from({ length: count }, () => ({
    zone: reader.take(ZONE_LENGTH),
    wrapped: reader.take(WRAPPED_SECRET_LENGTH),
  }));
}

function readSlot(reader: ByteReader): KeySlot {
  const kind = KINDS[reader.u8() - 1];
  if (kind === undefined || reader.take(3).some((byte) => byte !== 0)) throw reader.damaged('a slot of unknown kind');
  const id = reader.take(ZONE_LENGTH);
  const checkValue = reader.take(CHECK_LENGTH);
  const publicKey = reader.take(SLOT_PUBLIC_LENGTH);
  const label = readShort(reader, LONGEST_LABEL).toString();
  const how = kind === 'password' ? { kdf: readKdf(reader) } : kind === 'kms' ? { kms: readKms(reader) } : {};
  return { id, kind, label, ...how, checkValue, publicKey, sealedMaster: reader.take(SEALED_MASTER_LENGTH) };
}

function readKdf(reader: ByteReader): NonNullable<SlotDescription['kdf']> {
  const kdf = { name: 'argon2id', memoryKiB: reader.u32(), passes: reader.u32(), lanes: reader.u32() } as const;
  checkKdf(kdf);
  return { ...kdf, salt: reader.take(SALT_LENGTH) };
}

function readKms(reader: ByteReader): NonNullable<SlotDescription['kms']> {
  const [provider, keyRef] = [readShort(reader, LONGEST_CIPHERTEXT), readShort(reader, LONGEST_CIPHERTEXT)];
  const ciphertext = readShort(reader, LONGEST_CIPHERTEXT);
  return { provider: provider.toString(), keyRef: keyRef.toString(), ciphertext };
}

function readShort(reader: ByteReader, longest: number): Buffer {
  const length = reader.u16();
  if (length > longest) throw reader.damaged(`a field of ${length} bytes in a key slot`);
  return reader.take(length);
}
