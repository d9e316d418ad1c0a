import { isUtf8 } from 'node:buffer';

/** A path of any bytes in JSON: readable, and exact beside it when it is not UTF-8. */
export function pathFields(path: Buffer): { path: string; pathBytes?: string } {
  if (isUtf8(path)) return { path: path.toString('utf8') };
  return { path: path.toString('utf8'), pathBytes: path.toString('base64url') };
}
