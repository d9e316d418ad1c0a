import type { KeyObject } from 'node:crypto';
import { ByteReader, u8, u16, u32 } from './byte-reader.ts';
import { fail } from './failures.ts';
import { WRAP_OVERHEAD } from './gcm-wrap.ts';
import { checkKdf, type KdfParameters, SALT_LENGTH } from './password.ts';
import { hmacSha256, sameSecret } from './primitives.ts';

/*
 * The domain descriptor, in every source-side recovery point: with the password, enough to open it.
 *
 *   0  magic `SLD1`      4  version u8 = 1      5  KDF u8 (1 Argon2id)
 *   6  links to earlier epochs, count u8         7  KMS wraps, count u8
 *   8  domain id, 16 B                         24  epoch u32
 *  28  memory u32 KiB   32  passes u32         36  lanes u32
 *  40  salt, 32 B       72  KCV, 32 B         104  wrapped DDS, 60 B
 * 164  links, newest epoch first, each: epoch u32, its PH wrapped 60 B
 *      KMS wraps, each: provider (u8 length), keyRef (u16 length), ciphertext (u16 length)
 *      HMAC-SHA-256 under DM over everything before it, 32 B
 *
 * The context that a KMS authenticates ({app, purpose, domainId, epoch}) is not stored: it follows from the fields.
 */

const MAGIC = Buffer.from('SLD1', 'latin1');
const VERSION = 1;
const KDF_ARGON2ID = 1;
/** Passwords that a domain may have had before the present one and still open. */
export const MAX_LINKS = 64;
const MAC_LENGTH = 32;
const WRAPPED_LENGTH = 32 + WRAP_OVERHEAD;
const MAX_KMS_WRAPS = 16;
const MAX_PROVIDER_LENGTH = 32;
const MAX_KEY_REF_LENGTH = 2048;
const MAX_KMS_CIPHERTEXT_LENGTH = 4096;
const MAX_DESCRIPTOR_LENGTH = 128 * 1024;

/** PH wrapped by a key management service. `keyRef` only selects among keys configured locally; it is never dialled. */
export interface KmsWrap {
  provider: string;
  keyRef: string;
  ciphertext: Buffer;
}

export interface DomainDescriptor {
  /** 16 bytes, a UUID. */
  domainId: Buffer;
  /** Counts the passwords of the domain, from 1. */
  epoch: number;
  kdf: KdfParameters;
  /** 32 bytes, random for each epoch. */
  salt: Buffer;
  /** KCV, 32 bytes: tells a wrong password from damage. */
  checkValue: Buffer;
  /** DDS under WK. */
  wrappedDedupSecret: Buffer;
  /** PH of every earlier epoch, under WK, newest first: older recovery points open with the newest password. */
  previous: { epoch: number; wrappedPasswordHash: Buffer }[];
  kmsWraps: KmsWrap[];
}

export function encodeDescriptor(descriptor: DomainDescriptor, macKey: KeyObject): Buffer {
  const { kdf, previous, kmsWraps } = descriptor;
  if (previous.length > MAX_LINKS || kmsWraps.length > MAX_KMS_WRAPS) {
    throw fail('limit-exceeded', `A domain has ${previous.length} earlier passwords and ${kmsWraps.length} KMS wraps.`);
  }
  const body = Buffer.concat([
    MAGIC,
    Buffer.from([VERSION, KDF_ARGON2ID, previous.length, kmsWraps.length]),
    descriptor.domainId,
    ...[descriptor.epoch, kdf.memoryKiB, kdf.passes, kdf.lanes].map(u32),
    descriptor.salt,
    descriptor.checkValue,
    descriptor.wrappedDedupSecret,
    ...previous.flatMap((link) => [u32(link.epoch), link.wrappedPasswordHash]),
    ...kmsWraps.map(encodeKmsWrap),
  ]);
  return Buffer.concat([body, hmacSha256(macKey, body)]);
}

/** What a descriptor says, validated, its MAC not checked: no secret is needed for that. */
export function describeDomain(bytes: Buffer): DomainDescriptor {
  if (bytes.length > MAX_DESCRIPTOR_LENGTH) throw damaged(`has ${bytes.length} bytes`);
  const reader = new ByteReader(bytes, damaged);
  if (!reader.bytes(MAGIC.length).equals(MAGIC)) throw damaged('does not begin with SLD1');
  const [version, kdf, linkCount, wrapCount] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  if (version !== VERSION || kdf !== KDF_ARGON2ID) {
    throw fail('format-unknown', `A domain descriptor has version ${version} and KDF ${kdf}.`);
  }
  if (linkCount > MAX_LINKS) throw damaged(`declares ${linkCount} links`);
  if (wrapCount > MAX_KMS_WRAPS) throw damaged(`declares ${wrapCount} KMS wraps`);
  const fixed = readFixed(reader);
  const previous = Array.from({ length: linkCount }, () => readPrevious(reader));
  const kmsWraps = Array.from({ length: wrapCount }, () => readKmsWrap(reader));
  reader.bytes(MAC_LENGTH);
  reader.end();
  if (!descending([fixed, ...previous])) throw damaged('lists its epochs out of order');
  return { ...fixed, previous, kmsWraps };
}

/** Whether the descriptor is as its writer, who knew the password, left it. */
export function descriptorIntact(bytes: Buffer, macKey: KeyObject): boolean {
  const end = bytes.length - MAC_LENGTH;
  return sameSecret(hmacSha256(macKey, bytes.subarray(0, end)), bytes.subarray(end));
}

function readFixed(reader: ByteReader) {
  const domainId = Buffer.from(reader.bytes(16));
  const epoch = reader.u32();
  const kdf: KdfParameters = {
    name: 'argon2id',
    memoryKiB: reader.u32(),
    passes: reader.u32(),
    lanes: reader.u32(),
  };
  checkKdf(kdf);
  return {
    domainId,
    epoch,
    kdf,
    salt: Buffer.from(reader.bytes(SALT_LENGTH)),
    checkValue: Buffer.from(reader.bytes(32)),
    wrappedDedupSecret: Buffer.from(reader.bytes(WRAPPED_LENGTH)),
  };
}

function readPrevious(reader: ByteReader) {
  return { epoch: reader.u32(), wrappedPasswordHash: Buffer.from(reader.bytes(WRAPPED_LENGTH)) };
}

function descending(epochs: { epoch: number }[]): boolean {
  return epochs.every(({ epoch }, i) => i === 0 || epoch < (epochs[i - 1]?.epoch ?? 0));
}

function encodeKmsWrap({ provider, keyRef, ciphertext }: KmsWrap): Buffer {
  const [name, ref] = [Buffer.from(provider, 'utf8'), Buffer.from(keyRef, 'utf8')];
  return Buffer.concat([u8(name.length), name, u16(ref.length), ref, u16(ciphertext.length), ciphertext]);
}

function readKmsWrap(reader: ByteReader): KmsWrap {
  const providerLength = reader.u8();
  if (providerLength > MAX_PROVIDER_LENGTH) throw damaged(`names a KMS provider with ${providerLength} bytes`);
  return {
    provider: reader.bytes(providerLength).toString('utf8'),
    keyRef: reader.prefixed16(MAX_KEY_REF_LENGTH).toString('utf8'),
    ciphertext: Buffer.from(reader.prefixed16(MAX_KMS_CIPHERTEXT_LENGTH)),
  };
}

function damaged(how: string) {
  return fail('descriptor-damaged', `A domain descriptor ${how}.`);
}
