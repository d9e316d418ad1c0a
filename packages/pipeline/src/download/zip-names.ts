import { isUtf8 } from 'node:buffer';

/** What no name in a zip archive may hold: it has no other separator than the slash. */
const AWKWARD = /[\\%]/;

/**
 * The name of an entry in a zip archive, which knows UTF-8 only. Bytes that are not UTF-8, backslashes, and the percent sign
 * beside them become %XX.
 */
export function zipName(path: Buffer): { name: string; changed: boolean } {
  const plain = path.toString('utf8');
  if (isUtf8(path) && !plain.includes('\\')) return { name: plain, changed: false };
  let name = '';
  for (let at = 0; at < path.length; ) {
    const length = characterLength(path.subarray(at));
    const character = path.toString('utf8', at, at + Math.max(1, length));
    name += length === 0 || AWKWARD.test(character) ? escaped(path[at] as number) : character;
    at += Math.max(1, length);
  }
  return { name, changed: true };
}

function escaped(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function characterLength(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(4, bytes.length); length++)
    if (isUtf8(bytes.subarray(0, length))) return length;
  return 0;
}
