import { Packr } from 'msgpackr';
import { fail } from '../failures.ts';
import type { TreeTotals } from './tree-assembler.ts';

/** What a recovery point says of itself under seal: the plaintext of its type-4 chunk, a MessagePack map. */
export interface PointBody {
  /** What was protected: the name of the root in the tree, and the path it had on the source machine. */
  roots: { name: Buffer; path: Buffer }[];
  /** Id of the top chunk of the tree, 32 bytes. */
  tree: Buffer;
  totals: TreeTotals;
  host: { name: string; system: string; product: string };
  /** Clock of the source, ms since 1970. */
  startedAt: number;
  finishedAt: number;
  warnings: number;
  /** Who could read what when it was made, as JSON. */
  explanation?: string;
}

const packr = new Packr({ useRecords: false, moreTypes: false });

export function encodePointBody(body: PointBody): Buffer {
  return packr.pack(body);
}

/** @throws Failure `tree-damaged` */
export function decodePointBody(plaintext: Buffer): PointBody {
  let body: Partial<PointBody> | null;
  try {
    body = packr.unpack(plaintext);
  } catch (cause) {
    throw fail('tree-damaged', 'The body of a recovery point is not well-formed MessagePack.', { cause });
  }
  if (typeof body !== 'object' || body === null || !isWhole(body)) {
    throw fail('tree-damaged', 'The body of a recovery point lacks a field or has one of the wrong type.');
  }
  return body as PointBody;
}

function isWhole(body: Partial<PointBody>): boolean {
  const { roots, tree, totals, host } = body;
  if (!Buffer.isBuffer(tree) || tree.length !== 32) return false;
  if (!Array.isArray(roots) || !roots.every((root) => Buffer.isBuffer(root?.name) && Buffer.isBuffer(root?.path))) {
    return false;
  }
  const numbers = [totals?.files, totals?.directories, totals?.bytes, body.startedAt, body.finishedAt, body.warnings];
  const texts = [host?.name, host?.system, host?.product];
  if (body.explanation !== undefined && typeof body.explanation !== 'string') return false;
  return numbers.every(Number.isSafeInteger) && texts.every((text) => typeof text === 'string');
}
