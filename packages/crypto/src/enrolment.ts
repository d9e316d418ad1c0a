import { randomBytes } from 'node:crypto';
import { fail } from './failures.ts';
import { labelled } from './labels.ts';
import { sha256 } from './primitives.ts';
import { newUuidBytes, uuidText } from './uuid.ts';

/*
 * A token is `sealift-` and the base64url of: id (16 bytes, a UUID), secret (32 bytes), pin (32 bytes, SHA-256 of the
 * authority's SubjectPublicKeyInfo). The pin lets a node that knows nothing else recognise its Director.
 */

const PREFIX = 'sealift-';
const ID_END = 16;
const SECRET_END = 48;
const TOKEN_LENGTH = 80;
const FORM = /^sealift-[A-Za-z0-9_-]{107}$/;
const PIN = /^[A-Za-z0-9_-]{43}$/;

/** A new one-time token. The Director stores `id` and `secretHash` with the name and role it is for, and its expiry. */
export function createEnrolmentToken(pin: string): { token: string; id: string; secretHash: Buffer } {
  if (!PIN.test(pin)) throw fail('enrolment-token-invalid', 'The pin of the authority is not a SHA-256 in base64url.');
  const [id, secret] = [newUuidBytes(), randomBytes(SECRET_END - ID_END)];
  const token = PREFIX + Buffer.concat([id, secret, Buffer.from(pin, 'base64url')]).toString('base64url');
  return { token, id: uuidText(id), secretHash: enrolmentSecretHash(secret) };
}

export function parseEnrolmentToken(text: string): { id: string; secret: Buffer; pin: string } {
  const token = text.trim();
  const bytes = FORM.test(token) ? Buffer.from(token.slice(PREFIX.length), 'base64url') : Buffer.alloc(0);
  if (bytes.length !== TOKEN_LENGTH) throw fail('enrolment-token-invalid', 'This is not an enrolment token.');
  return {
    id: uuidText(bytes.subarray(0, ID_END)),
    secret: bytes.subarray(ID_END, SECRET_END),
    pin: bytes.toString('base64url', SECRET_END),
  };
}

/** What is stored of a token's secret. A plain hash is enough: the secret is 256 random bits. */
export function enrolmentSecretHash(secret: Uint8Array): Buffer {
  return sha256(labelled('enrolment', secret));
}
