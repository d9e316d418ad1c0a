import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { fail } from './failures.ts';
import { sha3of256, shake256 } from './primitives.ts';

/*
 * X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519 together, secure while either of them is. Keys cross
 * the border of node:crypto as DER; the prefixes are those of the fixed algorithms (RFC 8410, RFC 9935).
 */

export const X_WING_PUBLIC_LENGTH = 1216;
export const X_WING_CIPHERTEXT_LENGTH = 1120;
const X_WING_SEED_LENGTH = 32;

const KEM_PUBLIC_LENGTH = 1184;
const KEM_CIPHERTEXT_LENGTH = 1088;
const KEM_SEED_LENGTH = 64;
const EXPANDED_LENGTH = 96;

const KEM_SPKI = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
const KEM_PKCS8 = Buffer.from('3054020100300b060960864801650304040204428040', 'hex');
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex');
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The ASCII art `\.//^\`, last in the combiner's input. */
const LABEL = Buffer.from('5c2e2f2f5e5c', 'hex');

export interface XWingKeyPair {
  /** 1216 bytes. */
  publicKey: Buffer;
  privateKey: XWingPrivateKey;
}

export interface XWingPrivateKey {
  kem: KeyObject;
  x25519: KeyObject;
}

export function createXWingKeyPair(): XWingKeyPair {
  return xWingKeyPairFromSeed(randomBytes(X_WING_SEED_LENGTH));
}

/** Section 5.2 of the draft: the 32-byte decapsulation key expanded with SHAKE256. Erases the seed. */
export function xWingKeyPairFromSeed(seed: Buffer): XWingKeyPair {
  const expanded = shake256(seed, EXPANDED_LENGTH);
  const kem = importPrivate(KEM_PKCS8, expanded.subarray(0, KEM_SEED_LENGTH));
  const x25519 = importPrivate(X25519_PKCS8, expanded.subarray(KEM_SEED_LENGTH));
  expanded.fill(0);
  seed.fill(0);
  const publicKey = Buffer.concat([rawPublic(kem, KEM_SPKI), rawPublic(x25519, X25519_SPKI)]);
  return { publicKey, privateKey: { kem, x25519 } };
}

/** A fresh shared secret (32 bytes) for the holder of `publicKey`, and the ciphertext that brings it there. */
export function xWingEncapsulate(publicKey: Buffer): { sharedSecret: Buffer; ciphertext: Buffer } {
  if (publicKey.length !== X_WING_PUBLIC_LENGTH) {
    throw fail('key-invalid', `An X-Wing public key has ${publicKey.length} bytes.`);
  }
  const rawX25519 = publicKey.subarray(KEM_PUBLIC_LENGTH);
  return orInvalid(() => {
    const kem = encapsulate(importPublic(KEM_SPKI, publicKey.subarray(0, KEM_PUBLIC_LENGTH)));
    const ephemeral = generateKeyPairSync('x25519');
    const shared = diffieHellman({
      privateKey: ephemeral.privateKey,
      publicKey: importPublic(X25519_SPKI, rawX25519),
    });
    const ephemeralPublic = rawPublic(ephemeral.publicKey, X25519_SPKI);
    return {
      sharedSecret: combine(kem.sharedKey, shared, ephemeralPublic, rawX25519),
      ciphertext: Buffer.concat([kem.ciphertext, ephemeralPublic]),
    };
  });
}

/** The shared secret of a ciphertext. A forged ciphertext gives an unrelated secret, not an error (implicit rejection). */
export function xWingDecapsulate(pair: XWingKeyPair, ciphertext: Buffer): Buffer {
  if (ciphertext.length !== X_WING_CIPHERTEXT_LENGTH) {
    throw fail('key-invalid', `An X-Wing ciphertext has ${ciphertext.length} bytes.`);
  }
  const peerPublic = ciphertext.subarray(KEM_CIPHERTEXT_LENGTH);
  return orInvalid(() => {
    const fromKem = decapsulate(pair.privateKey.kem, ciphertext.subarray(0, KEM_CIPHERTEXT_LENGTH));
    const shared = diffieHellman({
      privateKey: pair.privateKey.x25519,
      publicKey: importPublic(X25519_SPKI, peerPublic),
    });
    return combine(fromKem, shared, peerPublic, pair.publicKey.subarray(KEM_PUBLIC_LENGTH));
  });
}

function combine(fromKem: Buffer, fromX25519: Buffer, ephemeralPublic: Buffer, staticPublic: Buffer): Buffer {
  const secret = sha3of256(fromKem, fromX25519, ephemeralPublic, staticPublic, LABEL);
  fromKem.fill(0);
  fromX25519.fill(0);
  return secret;
}

function importPublic(prefix: Buffer, raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
}

function importPrivate(prefix: Buffer, raw: Buffer): KeyObject {
  const der = Buffer.concat([prefix, raw]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

function rawPublic(key: KeyObject, prefix: Buffer): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(prefix.length);
}

function orInvalid<T>(agree: () => T): T {
  try {
    return agree();
  } catch (cause) {
    throw fail('key-invalid', 'The key agreement failed: the key of the other side is not a valid one.', { cause });
  }
}
