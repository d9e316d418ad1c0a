import { Failure } from '@sealift/core';
import { ID_LENGTH } from '../format/limits.ts';
import type { PackEntry } from '../format/pack-footer.ts';
import { PACK_HEADER_LENGTH } from '../format/pack-header.ts';
import { checkRecordHeader, parseRecordHeader, RECORD_HEADER_LENGTH, recordLength } from '../format/pack-record.ts';

/** Searched at once for the beginning of the next record, bytes. */
const WINDOW = 1024 * 1024;
const MAGIC = Buffer.from('SLRE');

type Read = (offset: number, length: number) => Promise<Buffer<ArrayBuffer>>;

export interface FoundRecord {
  entry: PackEntry;
  /** The whole record as stored. */
  bytes: Buffer<ArrayBuffer>;
  /** Its checksum is still to be compared. */
  body: Buffer<ArrayBuffer>;
}

/**
 * The records of a pack whose footer is lost. After a header that does not hold the next one is searched for, so that
 * damage costs the records it touches and not those behind them.
 */
export async function* scanDamagedPack(read: Read, end: number): AsyncGenerator<FoundRecord, void, undefined> {
  let offset = PACK_HEADER_LENGTH;
  while (offset + RECORD_HEADER_LENGTH <= end) {
    const record = await recordAt(read, offset, end);
    if (record === undefined) {
      offset = await nextMagic(read, offset + 1, end);
    } else {
      yield record;
      offset += record.entry.length;
    }
  }
}

async function recordAt(read: Read, offset: number, end: number): Promise<FoundRecord | undefined> {
  try {
    const head = parseRecordHeader(await read(offset, RECORD_HEADER_LENGTH));
    const length = recordLength(head);
    if (offset + length > end) return undefined;
    const membersEnd = RECORD_HEADER_LENGTH + head.memberCount * ID_LENGTH;
    // Most false beginnings are found out before a body is read.
    const start = await read(offset, membersEnd);
    const members = start.subarray(RECORD_HEADER_LENGTH);
    checkRecordHeader(head, start, members);
    const bytes = await read(offset, length);
    const { id, type, checksum } = head;
    return { entry: { id, type, checksum, offset, length, members }, bytes, body: bytes.subarray(membersEnd) };
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'format-damaged') return undefined;
    throw thrown;
  }
}

/** Where the next record may begin; `end` if nowhere. */
async function nextMagic(read: Read, from: number, end: number): Promise<number> {
  for (let at = from; at + MAGIC.length <= end; at += WINDOW - MAGIC.length + 1) {
    const found = (await read(at, Math.min(WINDOW, end - at))).indexOf(MAGIC);
    if (found >= 0) return at + found;
  }
  return end;
}
