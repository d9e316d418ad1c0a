import { Failure } from '@sealift/core';
import { sha256InBackground } from './format/checksum.ts';
import { ID_LENGTH } from './format/limits.ts';
import type { PackEntry } from './format/pack-footer.ts';
import { decodePackHeader, PACK_HEADER_LENGTH, type PackHeader } from './format/pack-header.ts';
import { checkRecordHeader, parseRecordHeader, RECORD_HEADER_LENGTH, recordLength } from './format/pack-record.ts';
import type { Store } from './store/store.ts';

export interface ScannedRecord {
  entry: PackEntry;
  /** The whole record as stored. */
  bytes: Buffer;
}

/** The header of a pack, or undefined if not even that was written whole. A newer format still fails. */
export async function scanPackHeader(store: Store, name: string): Promise<PackHeader | undefined> {
  try {
    return decodePackHeader(await store.read(name, 0, PACK_HEADER_LENGTH));
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'format-damaged') return undefined;
    throw thrown;
  }
}

/**
 * The whole records of a pack in order, read without its footer. Ends at the first header that does not hold, which is
 * where a torn write or the footer begins; a record whose body does not match its checksum is left out.
 */
export async function* scanRecords(store: Store, name: string): AsyncGenerator<ScannedRecord, void, undefined> {
  const { length } = await store.readTail(name, 0);
  let offset = PACK_HEADER_LENGTH;
  while (offset + RECORD_HEADER_LENGTH <= length) {
    const record = await readRecordAt(store, name, offset, length);
    if (record === undefined) return;
    const body = record.bytes.subarray(RECORD_HEADER_LENGTH + record.entry.members.length);
    if ((await sha256InBackground(body)).equals(record.entry.checksum)) yield record;
    offset += record.entry.length;
  }
}

async function readRecordAt(store: Store, name: string, offset: number, end: number) {
  try {
    const head = parseRecordHeader(await store.read(name, offset, RECORD_HEADER_LENGTH));
    const length = recordLength(head);
    if (offset + length > end) return undefined;
    const bytes = await store.read(name, offset, length);
    const membersEnd = RECORD_HEADER_LENGTH + head.memberCount * ID_LENGTH;
    const members = bytes.subarray(RECORD_HEADER_LENGTH, membersEnd);
    checkRecordHeader(head, bytes, members);
    const { id, type, checksum } = head;
    return { entry: { id, type, checksum, offset, length, members }, bytes };
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'format-damaged') return undefined;
    throw thrown;
  }
}

/** Body of a record whose place the index knows, all checks but the body's checksum done. */
export function splitRecord(bytes: Buffer<ArrayBuffer>) {
  const head = parseRecordHeader(bytes.subarray(0, RECORD_HEADER_LENGTH));
  const membersEnd = RECORD_HEADER_LENGTH + head.memberCount * ID_LENGTH;
  const members = bytes.subarray(RECORD_HEADER_LENGTH, membersEnd);
  checkRecordHeader(head, bytes, members);
  return { head, members, body: bytes.subarray(membersEnd), complete: recordLength(head) === bytes.length };
}
