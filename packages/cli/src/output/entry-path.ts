import { isUtf8 } from 'node:buffer';
import { printable } from './printable.ts';

/** Between a disk and a path in its filesystems: `web.raw:/1/etc/hosts`. */
const INSIDE = ':/';

/** A path as the API gives it: text, and the bytes when they are not UTF-8. */
export interface ApiPath {
  path: string;
  /** base64url */
  pathBytes?: string | undefined;
}

/** The path for people: whatever is not printable UTF-8 as `\xNN`, in the form that `parseShownPath` takes back. */
export function showPath({ path, pathBytes }: ApiPath): string {
  if (pathBytes === undefined) return colonKept(printable(path));
  let shown = '';
  let rest = Buffer.from(pathBytes, 'base64url');
  while (rest.length > 0) {
    const length = characterLength(rest);
    shown += length === 0 ? `\\x${rest.subarray(0, 1).toString('hex')}` : printable(rest.toString('utf8', 0, length));
    rest = rest.subarray(Math.max(1, length));
  }
  return colonKept(shown);
}

/** What stands between the name of a disk and a path on it is written otherwise in names. */
function colonKept(shown: string): string {
  return shown.replaceAll(INSIDE, '\\x3a/');
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

/** A path in a recovery point, and the one on the disk that it names, if there is one. */
export interface ShownPlace {
  path: string;
  inside?: string;
}

/** `web.raw:/1/etc` as the disk and the path on it; anything else as a path. Slashes at the end do not count. */
export function parsePlaceInPoint(text: string): ShownPlace {
  const colon = text.indexOf(INSIDE);
  if (colon < 0) return { path: trimmed(text) };
  return { path: text.slice(0, colon), inside: trimmed(text.slice(colon + INSIDE.length)) };
}

function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}

/** How a path that the API gave for a place inside a disk is shown. */
export function showPathIn({ path, inside }: ShownPlace, entry: ApiPath): string {
  return inside === undefined ? showPath(entry) : `${path}${INSIDE}${showPath(entry)}`;
}

/** The query that names a path to the API. */
export function pathQuery(text: string): { path: string } | { pathBytes: string } {
  const bytes = parseShownPath(text);
  return isUtf8(bytes) ? { path: bytes.toString('utf8') } : { pathBytes: bytes.toString('base64url') };
}

/** The query that names a place in a point, or on a disk of it, to the API. */
export function placeInPointQuery({ path, inside }: ShownPlace) {
  if (inside === undefined) return pathQuery(path);
  const bytes = parseShownPath(inside);
  const on = isUtf8(bytes) ? { inside: bytes.toString('utf8') } : { insideBytes: bytes.toString('base64url') };
  return { ...pathQuery(path), ...on };
}
