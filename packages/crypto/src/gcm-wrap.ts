import { type KeyObject, randomBytes } from 'node:crypto';
import { u32 } from './byte-reader.ts';
import { label } from './labels.ts';
import { gcmOpen, gcmSeal, NONCE_LENGTH, TAG_LENGTH } from './primitives.ts';

/** Bytes that wrapping adds. */
export const WRAP_OVERHEAD = NONCE_LENGTH + TAG_LENGTH;

/** What a wrapped secret is and to which domain and epoch it belongs. Wrapped for one, it does not open as another. */
export interface WrapContext {
  /** Lower-case letters and hyphens, e.g. `ph-wrap`. */
  purpose: string;
  /** 16 bytes. */
  domainId: Buffer;
  epoch: number;
}

/** AES-256-GCM: random nonce (12 bytes), ciphertext, tag; associated data L("wrap/<purpose>") || domainId || epoch. */
export function wrapSecret(key: KeyObject, secret: Buffer, context: WrapContext): Buffer {
  const nonce = randomBytes(NONCE_LENGTH);
  return Buffer.concat([nonce, gcmSeal(key, nonce, associatedData(context), secret)]);
}

/** Undefined when it does not verify. */
export function unwrapSecret(key: KeyObject, wrapped: Buffer, context: WrapContext): Buffer | undefined {
  if (wrapped.length < WRAP_OVERHEAD) return undefined;
  const nonce = wrapped.subarray(0, NONCE_LENGTH);
  return gcmOpen(key, nonce, associatedData(context), wrapped.subarray(NONCE_LENGTH));
}

function associatedData({ purpose, domainId, epoch }: WrapContext): Buffer {
  return Buffer.concat([label(`wrap/${purpose}`), domainId, u32(epoch)]);
}
