import type { KeyObject } from 'node:crypto';
import { fail } from '../failures.ts';
import { label } from '../labels.ts';
import { hkdfExpand, hmacSha256, sameSecret, sha256, takeKey } from '../primitives.ts';
import { signWith, verifySignature } from '../signatures.ts';

/*
 * Key schedule and authentication of the handshake. Names as in DESIGN.md: HS the handshake secret, MS the secret of
 * the records. A transcript is the SHA-256 of everything sent so far.
 */

export type Side = 'source' | 'target';

const SIGNATURE_LABEL = { source: 'ifh source sig', target: 'ifh target sig' } as const;
const FINISHED_LABEL = { source: 'ifh fin s', target: 'ifh fin t' } as const;

/** HS, from the KEM's shared secret and the first two messages. Erases the shared secret. */
export function handshakeSecret(hellos: Buffer[], sharedSecret: Buffer): KeyObject {
  const secret = takeKey(hmacSha256(sha256(...hellos), sharedSecret));
  sharedSecret.fill(0);
  return secret;
}

/** MS */
export function recordSecret(handshake: KeyObject, messages: Buffer[]): KeyObject {
  return takeKey(hkdfExpand(handshake, Buffer.concat([label('ifh app'), sha256(...messages)])));
}

/** Signature and finished MAC of one side over all messages before its own. */
export function proveSelf(side: Side, handshake: KeyObject, privateKey: KeyObject, messages: Buffer[]) {
  const signature = signWith(privateKey, SIGNATURE_LABEL[side], sha256(...messages));
  return { signature, finished: finishedMac(side, handshake, messages, signature) };
}

/** Refuses a peer whose signature or finished MAC does not verify: another key, or other messages than those seen here. */
export function checkProof(
  side: Side,
  handshake: KeyObject,
  publicKey: KeyObject,
  messages: Buffer[],
  proof: { signature: Buffer; finished: Buffer },
): void {
  if (!verifySignature(publicKey, SIGNATURE_LABEL[side], sha256(...messages), proof.signature)) {
    throw fail('handshake-failed', `The signature of the ${side} over the handshake does not verify.`);
  }
  if (!sameSecret(finishedMac(side, handshake, messages, proof.signature), proof.finished)) {
    throw fail('handshake-failed', `The ${side} did not arrive at the same keys.`);
  }
}

function finishedMac(side: Side, handshake: KeyObject, messages: Buffer[], signature: Buffer): Buffer {
  return hmacSha256(hkdfExpand(handshake, label(FINISHED_LABEL[side])), sha256(...messages, signature));
}
