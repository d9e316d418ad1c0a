import { label, labelled } from './labels.ts';
import { gcmOpen, gcmSeal, hkdf, NONCE_LENGTH, sha256 } from './primitives.ts';
import { X_WING_CIPHERTEXT_LENGTH, type XWingKeyPair, xWingDecapsulate, xWingEncapsulate } from './x-wing.ts';

/*
 * A message to the holder of an X-Wing key: KEM ciphertext (1120 bytes), then AES-256-GCM under
 * HKDF(shared secret, SHA-256(context), L(purpose)) with a zero nonce (the key is used once) and
 * L(purpose) || 00 || context as associated data.
 */

const NONCE = Buffer.alloc(NONCE_LENGTH);

/** What a message is and what it answers: it opens with the same two only. */
export interface MessageBinding {
  /** Lower-case letters and hyphens. */
  purpose: string;
  context: Buffer;
}

export function sealMessage(publicKey: Buffer, plaintext: Buffer, binding: MessageBinding): Buffer {
  const { sharedSecret, ciphertext } = xWingEncapsulate(publicKey);
  const sealed = gcmSeal(messageKey(sharedSecret, binding), NONCE, associatedData(binding), plaintext);
  sharedSecret.fill(0);
  return Buffer.concat([ciphertext, sealed]);
}

/** Undefined when it does not open: another key, purpose or context, or changed bytes. */
export function openMessage(pair: XWingKeyPair, message: Buffer, binding: MessageBinding): Buffer | undefined {
  if (message.length < X_WING_CIPHERTEXT_LENGTH) return undefined;
  const sharedSecret = xWingDecapsulate(pair, message.subarray(0, X_WING_CIPHERTEXT_LENGTH));
  const sealed = message.subarray(X_WING_CIPHERTEXT_LENGTH);
  const plaintext = gcmOpen(messageKey(sharedSecret, binding), NONCE, associatedData(binding), sealed);
  sharedSecret.fill(0);
  return plaintext;
}

function messageKey(sharedSecret: Buffer, { purpose, context }: MessageBinding): Buffer {
  return hkdf(sharedSecret, sha256(context), label(purpose));
}

function associatedData({ purpose, context }: MessageBinding): Buffer {
  return labelled(purpose, context);
}
