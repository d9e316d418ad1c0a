import { randomUUID } from 'node:crypto';
import { fail } from './failures.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The 16 bytes of a UUID in its lower-case text form. */
export function uuidBytes(text: string): Buffer {
  if (!UUID.test(text)) throw fail('uuid-invalid', `"${text.slice(0, 64)}" is not a UUID.`);
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

/** The text form of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  if (bytes.byteLength !== 16) throw fail('uuid-invalid', `A UUID has 16 bytes, not ${bytes.byteLength}.`);
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function newUuidBytes(): Buffer {
  return uuidBytes(randomUUID());
}
