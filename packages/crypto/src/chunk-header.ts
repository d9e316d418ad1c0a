import { type ChunkType, isChunkType } from './chunk-type.ts';
import { fail } from './failures.ts';
import { INNER_HEADER_LENGTH, MAX_INNER_LENGTH } from './inner.ts';
import { TAG_LENGTH } from './primitives.ts';

/** Bytes before the ciphertext of a sealed chunk. */
export const CHUNK_HEADER_LENGTH = 112;

const MAGIC = Buffer.from('SLC1', 'latin1');
const VERSION = 1;
/** HMAC-SHA-512 key derivation, AES-256-GCM. */
const SUITE = 1;
const FLAGS = 0;

export interface SealedChunkHeader {
  type: ChunkType;
  /** 16 bytes. */
  domainId: Buffer;
  epoch: number;
  /** Tag included, bytes. */
  ciphertextLength: number;
  /** 32 bytes. */
  runSalt: Buffer;
  /** r, 16 bytes. */
  random: Buffer;
  /** Key commitment, 32 bytes. */
  commitment: Buffer;
}

export function writeChunkHeader(into: Buffer, header: SealedChunkHeader): void {
  into.set(MAGIC, 0);
  into.writeUInt8(VERSION, 4);
  into.writeUInt8(SUITE, 5);
  into.writeUInt8(header.type, 6);
  into.writeUInt8(FLAGS, 7);
  into.set(header.domainId, 8);
  into.writeUInt32BE(header.epoch, 24);
  into.writeUInt32BE(header.ciphertextLength, 28);
  into.set(header.runSalt, 32);
  into.set(header.random, 64);
  into.set(header.commitment, 80);
}

/** The header of a sealed chunk, without keys: form and lengths checked, nothing authenticated. Fields are views. */
export function parseChunkHeader(sealed: Buffer): SealedChunkHeader {
  if (sealed.length < CHUNK_HEADER_LENGTH + INNER_HEADER_LENGTH + TAG_LENGTH) {
    throw fail('chunk-damaged', `A sealed chunk has only ${sealed.length} bytes.`);
  }
  if (!sealed.subarray(0, 4).equals(MAGIC)) throw fail('chunk-damaged', 'A sealed chunk does not begin with SLC1.');
  const [version, suite, type, flags] = [sealed[4], sealed[5], sealed[6] as number, sealed[7]];
  if (version !== VERSION || suite !== SUITE || flags !== FLAGS) {
    throw fail('format-unknown', `A sealed chunk has version ${version}, suite ${suite}, flags ${flags}.`);
  }
  if (!isChunkType(type)) throw fail('format-unknown', `A sealed chunk has the unknown type ${type}.`);
  const ciphertextLength = sealed.readUInt32BE(28);
  const declared = CHUNK_HEADER_LENGTH + ciphertextLength;
  if (ciphertextLength > MAX_INNER_LENGTH + TAG_LENGTH || declared !== sealed.length) {
    throw fail('chunk-damaged', `A sealed chunk of ${sealed.length} bytes declares ${declared}.`);
  }
  return {
    type,
    domainId: sealed.subarray(8, 24),
    epoch: sealed.readUInt32BE(24),
    ciphertextLength,
    runSalt: sealed.subarray(32, 64),
    random: sealed.subarray(64, 80),
    commitment: sealed.subarray(80, 112),
  };
}
