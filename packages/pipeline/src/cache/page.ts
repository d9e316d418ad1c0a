import { glanceEntry } from '@sealift/repository';
import { PRINT_BYTES } from '@sealift/workloads';
import { fail } from '../failures.ts';

/*
 * A page of the cache: what a run has found, in tree order.
 *
 *    0  u8 flags: 1 = it is exactly one page of the tree, which any run that finds the same entries cuts alike
 *    1  id of that page, 32 (zeros)
 *   33  u32 files, u32 directories, u64 bytes of content
 *   49  u32 count of ids, the ids of all chunks that the entries refer to, 32 each
 *       u32 count of entries, each: print 40, u8 flags (1 settled, 2 missing), u32 count and u32 each: places among the ids,
 *       u32 length, the entry as it stands in the tree; of a missing one the path alone
 */

export const ID_BYTES = 32;
const IDS_AT = 53;
const ENTRY_HEAD = PRINT_BYTES + 1 + 4;
export const PAGE_FLAG = { whole: 1 } as const;
export const ENTRY_FLAG = { settled: 1, missing: 2 } as const;

export interface PageHead {
  whole: boolean;
  /** Of the page of the tree, if it is one. */
  id: Buffer;
  files: number;
  directories: number;
  bytes: number;
  /** 32 bytes each. */
  ids: Buffer;
}

/** Buffers are views of the page. */
export interface CachedEntry {
  print: Buffer;
  settled: boolean;
  /** There was an entry of this path, and it could not be kept: `encoded` is empty. */
  missing: boolean;
  path: Buffer;
  encoded: Buffer;
  /** Ids of the chunks it refers to. */
  ids: Buffer[];
}

/** What is told of a page before its entries. @throws Failure `cache-damaged` */
export function readHead(page: Buffer): PageHead {
  if (page.length < IDS_AT + 4) throw damaged();
  const end = IDS_AT + page.readUInt32BE(IDS_AT - 4) * ID_BYTES;
  if (end + 4 > page.length) throw damaged();
  return {
    whole: (page.readUInt8(0) & PAGE_FLAG.whole) !== 0,
    id: page.subarray(1, 33),
    files: page.readUInt32BE(33),
    directories: page.readUInt32BE(37),
    bytes: Number(page.readBigUInt64BE(41)),
    ids: page.subarray(IDS_AT, end),
  };
}

/** Where each entry of a page begins, and the end of the last. @throws Failure `cache-damaged` */
export function entryOffsets(page: Buffer): Uint32Array {
  const { ids } = readHead(page);
  let at = IDS_AT + ids.length;
  const count = page.readUInt32BE(at);
  if (count * ENTRY_HEAD > page.length) throw damaged();
  const offsets = new Uint32Array(count + 1);
  at += 4;
  for (let i = 0; i < count; i++) {
    offsets[i] = at;
    at = endOfEntry(page, at);
  }
  if (at !== page.length) throw damaged();
  offsets[count] = at;
  return offsets;
}

function endOfEntry(page: Buffer, at: number): number {
  if (at + ENTRY_HEAD > page.length) throw damaged();
  const length = at + ENTRY_HEAD + 4 * page.readUInt32BE(at + PRINT_BYTES + 1);
  if (length + 4 > page.length) throw damaged();
  const end = length + 4 + page.readUInt32BE(length);
  if (end > page.length) throw damaged();
  return end;
}

export function flagsAt(page: Buffer, at: number): number {
  return page.readUInt8(at + PRINT_BYTES);
}

export function printEquals(page: Buffer, at: number, print: Buffer): boolean {
  return page.compare(print, 0, PRINT_BYTES, at, at + PRINT_BYTES) === 0;
}

export function encodedAt(page: Buffer, at: number, end: number): Buffer {
  return page.subarray(at + ENTRY_HEAD + 4 * page.readUInt32BE(at + PRINT_BYTES + 1) + 4, end);
}

export function pathAt(page: Buffer, at: number, end: number): Buffer {
  const encoded = encodedAt(page, at, end);
  return (flagsAt(page, at) & ENTRY_FLAG.missing) !== 0 ? encoded : glanceEntry(encoded).path;
}

/** The entry at an offset of `entryOffsets`. @throws Failure `cache-damaged` */
export function readEntryAt(page: Buffer, at: number, end: number, ids: Buffer): CachedEntry {
  const flags = flagsAt(page, at);
  const missing = (flags & ENTRY_FLAG.missing) !== 0;
  const encoded = encodedAt(page, at, end);
  const places = Array.from({ length: page.readUInt32BE(at + PRINT_BYTES + 1) }, (_, i) => {
    const place = page.readUInt32BE(at + ENTRY_HEAD + 4 * i) * ID_BYTES;
    if (place + ID_BYTES > ids.length) throw damaged();
    return ids.subarray(place, place + ID_BYTES);
  });
  return {
    print: page.subarray(at, at + PRINT_BYTES),
    settled: (flags & ENTRY_FLAG.settled) !== 0,
    missing,
    path: pathAt(page, at, end),
    encoded: missing ? encoded.subarray(0, 0) : encoded,
    ids: places,
  };
}

/** All entries of a page, in order. @throws Failure `cache-damaged` */
export function* readEntries(page: Buffer): Generator<CachedEntry> {
  const { ids } = readHead(page);
  const offsets = entryOffsets(page);
  for (let i = 0; i + 1 < offsets.length; i++) {
    yield readEntryAt(page, offsets[i] as number, offsets[i + 1] as number, ids);
  }
}

function damaged() {
  return fail('cache-damaged', 'A page of the cache of the previous recovery point is not well-formed.');
}
