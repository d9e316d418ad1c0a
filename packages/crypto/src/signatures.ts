import type { KeyObject } from 'node:crypto';
import { labelled } from './labels.ts';
import { ed25519Sign, ed25519Verify } from './primitives.ts';

/** An Ed25519 signature, bytes. */
export const SIGNATURE_LENGTH = 64;

/** Signs `bytes` for one purpose: Ed25519 over `sealift/v1/<label>`, a zero byte, the bytes. */
export function signWith(privateKey: KeyObject, label: string, bytes: Uint8Array): Buffer {
  return ed25519Sign(privateKey, labelled(label, bytes));
}

export function verifySignature(
  publicKey: KeyObject,
  label: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  return ed25519Verify(publicKey, labelled(label, bytes), signature);
}
