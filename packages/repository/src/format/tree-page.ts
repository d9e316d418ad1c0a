import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { successionFlaw } from './entry-rules.ts';
import { ID_LENGTH, LONGEST_PATH } from './limits.ts';
import { expectKind, PAGE_KIND } from './page-kind.ts';
import { checkLevel, readLevel } from './segments.ts';
import { encodeEntry, readEntry, SMALLEST_ENTRY, type TreeEntry } from './tree-entry.ts';
import { comparePaths, pathFlaw } from './tree-path.ts';

/** Inner node above pages: the path of the first entry under each child. */
export interface TreeNode {
  /** 1 directly above pages, one more with each storey. */
  level: number;
  children: { first: Buffer; id: Buffer }[];
}

/** Plaintext of a tree page: u8 kind 1, u32 count, entries in tree order. */
export function encodePage(entries: readonly TreeEntry[]): Buffer {
  entries.forEach((entry, i) => {
    const previous = entries[i - 1];
    const flaw = previous && successionFlaw(previous, entry, comparePaths(previous.path, entry.path));
    if (flaw !== undefined) throw fail('format-limit', `A tree page cannot hold ${entry.path.toString()}: ${flaw}.`);
  });
  return joinEntries(entries.map(encodeEntry));
}

/** A page from entries already encoded by `encodeEntry`, in tree order. */
export function joinEntries(encoded: readonly Buffer[]): Buffer {
  let length = 5;
  for (const bytes of encoded) length += bytes.length;
  const writer = new ByteWriter(length);
  writer.u8(PAGE_KIND.entries).u32(encoded.length);
  for (const bytes of encoded) writer.bytes(bytes);
  return writer.finish();
}

/** Buffers of the entries are views of `plaintext`. `after` is the last entry of the page before, if it was read. */
export function decodePage(plaintext: Buffer, after?: TreeEntry): TreeEntry[] {
  const reader = new ByteReader(plaintext, 'tree page');
  expectKind(reader, 'entries');
  const count = reader.count(SMALLEST_ENTRY);
  const entries: TreeEntry[] = [];
  let previous = after;
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader);
    const flaw = previous && successionFlaw(previous, entry, comparePaths(previous.path, entry.path));
    if (flaw !== undefined) throw reader.damaged(flaw);
    entries.push(entry);
    previous = entry;
  }
  reader.end();
  return entries;
}

/** Plaintext of a tree node: u8 kind 2, u8 level, u32 count, count x {id, u16 length, path of the first entry}. */
export function encodeNode(node: TreeNode): Buffer {
  checkLevel(node.level);
  const writer = new ByteWriter(6 + node.children.length * 128);
  writer.u8(PAGE_KIND.node).u8(node.level).u32(node.children.length);
  for (const { first, id } of node.children) {
    if (first.length > LONGEST_PATH)
      throw fail('format-limit', `A path of ${first.length} bytes is over ${LONGEST_PATH}.`);
    writer.bytes(id).u16(first.length).bytes(first);
  }
  return writer.finish();
}

export function decodeNode(plaintext: Buffer): TreeNode {
  const reader = new ByteReader(plaintext, 'tree node');
  expectKind(reader, 'node');
  const level = readLevel(reader);
  const count = reader.count(ID_LENGTH + 3);
  if (count === 0) throw reader.damaged('no children');
  const children: TreeNode['children'] = [];
  let previous: Buffer | undefined;
  for (let i = 0; i < count; i++) {
    const id = reader.take(ID_LENGTH);
    const first = reader.take(reader.u16());
    const flaw = pathFlaw(first);
    if (flaw !== undefined) throw reader.damaged(flaw);
    if (previous !== undefined && comparePaths(previous, first) >= 0) throw reader.damaged('children out of order');
    children.push({ first, id });
    previous = first;
  }
  reader.end();
  return { level, children };
}
