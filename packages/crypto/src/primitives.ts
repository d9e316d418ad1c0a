import {
  argon2,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type DecipherGCM,
  hkdfSync,
  type KeyObject,
  sign as signBytes,
  timingSafeEqual,
  verify as verifyBytes,
} from 'node:crypto';

/*
 * The only file that calls ciphers, MACs, hashes, KDFs and signatures of node:crypto. Callers cannot choose a tag
 * length, a curve or a hash: each function fixes them.
 */

export const KEY_LENGTH = 32;
export const TAG_LENGTH = 16;
export const NONCE_LENGTH = 12;
export const ID_LENGTH = 32;

/** Outputs of one cipher call are copied while they are still in the CPU cache. */
const SLICE = 256 * 1024;

export type Key = KeyObject | Uint8Array;

export function secretKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}

/** Moves key material out of the JavaScript heap: the KeyObject holds a copy, the bytes given are erased. */
export function takeKey(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

export function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function sha3of256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha3-256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function shake256(input: Uint8Array, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(input).digest();
}

export function hmacSha256(key: Key, ...parts: Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

export function hmacSha512(key: Key, ...parts: Uint8Array[]): Buffer {
  const mac = createHmac('sha512', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-SHA-256, extract and expand (RFC 5869). */
export function hkdf(ikm: Key, salt: Uint8Array, info: Uint8Array, length: number = KEY_LENGTH): Buffer {
  return Buffer.from(hkdfSync('sha256', ikm, salt, info, length));
}

/** The expand half of HKDF-SHA-256 (RFC 5869 section 2.3) for outputs of up to one hash, 32 bytes. */
export function hkdfExpand(prk: Key, info: Uint8Array, length: number = KEY_LENGTH): Buffer {
  return hmacSha256(prk, info, Buffer.from([1])).subarray(0, length);
}

export interface Argon2Parameters {
  memoryKiB: number;
  passes: number;
  lanes: number;
}

/** Argon2id (RFC 9106), on the thread pool. `secret` and `associated` are for its test vectors. */
export function argon2id(
  message: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Parameters,
  extra: { secret?: Uint8Array; associatedData?: Uint8Array } = {},
): Promise<Buffer> {
  const parameters = {
    message,
    nonce: salt,
    memory: cost.memoryKiB,
    passes: cost.passes,
    parallelism: cost.lanes,
    tagLength: KEY_LENGTH,
    ...extra,
  };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

/** Comparison in constant time; lengths are public. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

function gcmCipher(key: Key, nonce: Uint8Array, aad: Uint8Array) {
  if (nonce.byteLength !== NONCE_LENGTH)
    throw new RangeError(`A nonce has ${nonce.byteLength} bytes, not ${NONCE_LENGTH}.`);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH });
  cipher.setAAD(aad);
  return cipher;
}

/** AES-256-GCM into `output` from `offset` on: ciphertext of all parts, then the tag. Returns the end offset. */
export function gcmSealInto(
  output: Buffer,
  offset: number,
  sealing: { key: Key; nonce: Uint8Array; aad: Uint8Array },
  parts: Uint8Array[],
): number {
  const cipher = gcmCipher(sealing.key, sealing.nonce, sealing.aad);
  let end = offset;
  for (const part of parts) {
    for (let start = 0; start < part.byteLength; start += SLICE) {
      const piece = cipher.update(part.subarray(start, start + SLICE));
      output.set(piece, end);
      end += piece.length;
      discard(piece);
    }
  }
  cipher.final();
  output.set(cipher.getAuthTag(), end);
  return end + TAG_LENGTH;
}

/** AES-256-GCM with each part's ciphertext in a Buffer of its own, so that a large part is written only once. */
export function gcmSealParts(
  sealing: { key: Key; nonce: Uint8Array; aad: Uint8Array },
  parts: Uint8Array[],
): { ciphertexts: Buffer[]; tag: Buffer } {
  const cipher = gcmCipher(sealing.key, sealing.nonce, sealing.aad);
  const ciphertexts = parts.map((part) => cipher.update(part));
  cipher.final();
  return { ciphertexts, tag: cipher.getAuthTag() };
}

interface GcmOpening {
  key: Key;
  nonce: Uint8Array;
  aad: Uint8Array;
  tag: Uint8Array;
}

/** Undefined for tags and nonces of other lengths, which GCM would allow. */
function gcmDecipher({ key, nonce, aad, tag }: GcmOpening): DecipherGCM | undefined {
  if (tag.byteLength !== TAG_LENGTH || nonce.byteLength !== NONCE_LENGTH) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_LENGTH });
  return decipher.setAAD(aad).setAuthTag(tag);
}

function tagHolds(decipher: DecipherGCM): boolean {
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens AES-256-GCM; undefined when the tag does not verify. Nothing decrypted is handed out before the tag is checked.
 * The tag must have 16 bytes and the nonce 12: others, which GCM would allow, are refused.
 */
export function gcmOpenParts(opening: GcmOpening, parts: Uint8Array[]): Buffer[] | undefined {
  const decipher = gcmDecipher(opening);
  if (decipher === undefined) return undefined;
  const plaintexts = parts.map((part) => decipher.update(part));
  return tagHolds(decipher) ? plaintexts : undefined;
}

/** Frees what a cipher returned, once it is copied: it has memory of its own, and at these rates cannot wait for the collector. */
function discard(piece: Buffer): void {
  (piece.buffer as ArrayBuffer).transfer(0);
}

/** As gcmOpenParts, with the plaintext of all parts, `length` bytes together, in one Buffer of its own. */
export function gcmOpenJoined(opening: GcmOpening, parts: Uint8Array[], length: number): Buffer | undefined {
  const decipher = gcmDecipher(opening);
  if (decipher === undefined) return undefined;
  const plaintext = Buffer.allocUnsafeSlow(length);
  let end = 0;
  for (const part of parts) {
    const piece = decipher.update(part);
    plaintext.set(piece, end);
    end += piece.length;
    discard(piece);
  }
  return tagHolds(decipher) ? plaintext : undefined;
}

/** AES-256-GCM of something small: ciphertext and tag in one Buffer. */
export function gcmSeal(key: Key, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const output = Buffer.allocUnsafeSlow(plaintext.byteLength + TAG_LENGTH);
  gcmSealInto(output, 0, { key, nonce, aad }, [plaintext]);
  return output;
}

/** Opens what gcmSeal made; undefined when it does not verify. */
export function gcmOpen(key: Key, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const end = sealed.byteLength - TAG_LENGTH;
  if (end < 0) return undefined;
  return gcmOpenParts({ key, nonce, aad, tag: sealed.subarray(end) }, [sealed.subarray(0, end)])?.[0];
}

/** Raw AES-256 on whole 16-byte blocks, each by itself: the building block of the cut PRF and for nothing else. */
export function aesBlocks(key: KeyObject): (blocks: Uint8Array) => Buffer {
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return (blocks) => cipher.update(blocks);
}

/** Ed25519 (RFC 8032). */
export function ed25519Sign(privateKey: KeyObject, message: Uint8Array): Buffer {
  return signBytes(null, message, privateKey);
}

export function ed25519Verify(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.asymmetricKeyType !== 'ed25519' || signature.byteLength !== 64) return false;
  return verifyBytes(null, message, publicKey, signature);
}
