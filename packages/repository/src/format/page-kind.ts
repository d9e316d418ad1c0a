import { fail } from '../failures.ts';
import type { ByteReader } from './byte-reader.ts';

/** First byte of the plaintext of every type-2 chunk. */
export const PAGE_KIND = { entries: 1, node: 2, segments: 3, segmentNode: 4 } as const;

const NAMES = new Map<number, keyof typeof PAGE_KIND>(
  Object.entries(PAGE_KIND).map(([name, byte]) => [byte, name as keyof typeof PAGE_KIND]),
);

/** Tells what a type-2 chunk holds, before it is decoded. */
export function pageKind(plaintext: Buffer): keyof typeof PAGE_KIND {
  const kind = NAMES.get(plaintext[0] ?? 0);
  if (kind === undefined) throw fail('format-damaged', `A tree page begins with the unknown kind ${plaintext[0]}.`);
  return kind;
}

export function expectKind(reader: ByteReader, kind: keyof typeof PAGE_KIND): void {
  const found = reader.u8();
  if (found !== PAGE_KIND[kind]) throw reader.damaged(`kind ${found} where ${PAGE_KIND[kind]} is wanted`);
}
