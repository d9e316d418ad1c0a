import { label } from './labels.ts';
import { hkdf, sha256, takeKey } from './primitives.ts';
import { createRecordOpener, type RecordOpener } from './records/opener.ts';
import { createRecordSealer, type RecordSealer } from './records/sealer.ts';
import { X_WING_CIPHERTEXT_LENGTH, type XWingKeyPair, xWingDecapsulate, xWingEncapsulate } from './x-wing.ts';

/*
 * A stream of records to the holder of an X-Wing key, through whoever relays it: KEM ciphertext (1120 bytes), then the
 * records of direction 0 under HKDF(shared secret, SHA-256(context), L("download")), one behind the other.
 */

/** Bytes before the first record. */
export const DOWNLOAD_OPENING_LENGTH = X_WING_CIPHERTEXT_LENGTH;

/** `context` says what was asked for; at the other end it must be the same. */
export function sealDownload(publicKey: Buffer, context: Buffer): { opening: Buffer; sealer: RecordSealer } {
  const { sharedSecret, ciphertext } = xWingEncapsulate(publicKey);
  return { opening: ciphertext, sealer: createRecordSealer(streamSecret(sharedSecret, context), 'source') };
}

/** With another key or context than it was sealed with, the first record is refused. */
export function openDownload(pair: XWingKeyPair, opening: Buffer, context: Buffer): RecordOpener {
  return createRecordOpener(streamSecret(xWingDecapsulate(pair, opening), context), 'source');
}

function streamSecret(sharedSecret: Buffer, context: Buffer) {
  const secret = takeKey(hkdf(sharedSecret, sha256(context), label('download')));
  sharedSecret.fill(0);
  return secret;
}
