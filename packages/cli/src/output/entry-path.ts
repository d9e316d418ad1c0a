import { isUtf8 } from 'node:buffer';
import { printable } from './printable.ts';

/** A path as the API gives it: text, and the bytes when they are not UTF-8. */
export interface ApiPath {
  path: string;
  /** base64url */
  pathBytes?: string | undefined;
}

/** The path for people: whatever is not printable UTF-8 as `\xNN`, in the form that `parseShownPath` takes back. */
export function showPath({ path, pathBytes }: ApiPath): string {
  if (pathBytes === undefined) return printable(path);
  let shown = '';
  let rest = Buffer.from(pathBytes, 'base64url');
  while (rest.length > 0) {
    const length = characterLength(rest);
    shown += length === 0 ? `\\x${rest.subarray(0, 1).toString('hex')}` : printable(rest.toString('utf8', 0, length));
    rest = rest.subarray(Math.max(1, length));
  }
  return shown;
}

/** Length in bytes of the UTF-8 character at the start; 0 when there is none. */
function characterLength(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(4, bytes.length); length++) {
    if (isUtf8(bytes.subarray(0, length))) return length;
  }
  return 0;
}

/** What `showPath` shows, back to bytes. */
export function parseShownPath(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const [part] of text.matchAll(/\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\\\|[^\\]+|\\/gi)) parts.push(unescaped(part));
  return Buffer.concat(parts);
}

function unescaped(part: string): Buffer {
  if (part === '\\\\') return Buffer.from('\\');
  const hex = part.slice(2);
  if (/^\\u[0-9a-f]{4}$/i.test(part)) return Buffer.from(String.fromCodePoint(Number.parseInt(hex, 16)));
  if (/^\\x[0-9a-f]{2}$/i.test(part)) return Buffer.from(hex, 'hex');
  return Buffer.from(part);
}

/** The query that names a folder to the API. */
export function pathQuery(text: string): { path: string } | { pathBytes: string } {
  const bytes = parseShownPath(text);
  return isUtf8(bytes) ? { path: bytes.toString('utf8') } : { pathBytes: bytes.toString('base64url') };
}
