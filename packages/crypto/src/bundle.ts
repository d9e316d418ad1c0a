import type { KeyObject } from 'node:crypto';
import { chunkId } from './chunk-id.ts';
import { CHUNK_TYPE, MAX_CHUNK_PLAINTEXT } from './chunk-type.ts';
import { fail } from './failures.ts';

/*
 * The plaintext of a bundle: count u32, then per member its id (32 bytes), offset u32 from the start of the plaintext
 * and length u32, then the contents in that order without gaps.
 */

const COUNT_LENGTH = 4;
const ENTRY_LENGTH = 40;

/** Small files sealed as one chunk. Contents are views. */
export interface Bundle {
  readonly count: number;
  id(ordinal: number): Buffer;
  contents(ordinal: number): Buffer;
}

export interface BundleMember {
  /** chunkId of the contents as type data. */
  id: Buffer;
  contents: Buffer;
}

export function encodeBundle(members: BundleMember[]): Buffer {
  const tableEnd = COUNT_LENGTH + members.length * ENTRY_LENGTH;
  const total = members.reduce((sum, member) => sum + member.contents.length, tableEnd);
  if (total > MAX_CHUNK_PLAINTEXT) throw fail('limit-exceeded', `A bundle of ${total} bytes is too long for a chunk.`);
  const plaintext = Buffer.allocUnsafeSlow(total);
  plaintext.writeUInt32BE(members.length, 0);
  let offset = tableEnd;
  members.forEach((member, ordinal) => {
    const entry = COUNT_LENGTH + ordinal * ENTRY_LENGTH;
    plaintext.set(member.id, entry);
    plaintext.writeUInt32BE(offset, entry + 32);
    plaintext.writeUInt32BE(member.contents.length, entry + 36);
    plaintext.set(member.contents, offset);
    offset += member.contents.length;
  });
  return plaintext;
}

/** Reads a bundle; every offset and length is checked here, so that members are safe to take. Ids are not: see checkBundle. */
export function decodeBundle(plaintext: Buffer): Bundle {
  const count = countOf(plaintext);
  let offset = COUNT_LENGTH + count * ENTRY_LENGTH;
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const entry = COUNT_LENGTH + ordinal * ENTRY_LENGTH;
    if (plaintext.readUInt32BE(entry + 32) !== offset) throw damaged(`member ${ordinal} is not where it must be`);
    offset += plaintext.readUInt32BE(entry + 36);
    if (offset > plaintext.length) throw damaged(`member ${ordinal} reaches beyond the end`);
  }
  if (offset !== plaintext.length) throw damaged('bytes are left over');
  return viewOf(plaintext, count);
}

function countOf(plaintext: Buffer): number {
  if (plaintext.length < COUNT_LENGTH) throw damaged('it is too short');
  const count = plaintext.readUInt32BE(0);
  if (COUNT_LENGTH + count * ENTRY_LENGTH > plaintext.length) throw damaged(`${count} members do not fit`);
  return count;
}

function viewOf(plaintext: Buffer, count: number): Bundle {
  const entry = (ordinal: number): number => {
    if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= count) {
      throw damaged(`member ${ordinal} is wanted of ${count}`);
    }
    return COUNT_LENGTH + ordinal * ENTRY_LENGTH;
  };
  return {
    count,
    id: (ordinal) => plaintext.subarray(entry(ordinal), entry(ordinal) + 32),
    contents: (ordinal) => {
      const start = plaintext.readUInt32BE(entry(ordinal) + 32);
      return plaintext.subarray(start, start + plaintext.readUInt32BE(entry(ordinal) + 36));
    },
  };
}

/** Recomputes the id of every member: what a target does with plaintext bundles, so that no false id is planted. */
export function checkBundle(bundle: Bundle, idKey: KeyObject): void {
  for (let ordinal = 0; ordinal < bundle.count; ordinal++) {
    const id = chunkId(idKey, CHUNK_TYPE.data, bundle.contents(ordinal));
    if (!id.equals(bundle.id(ordinal))) throw damaged(`member ${ordinal} has another id than its contents`);
  }
}

function damaged(how: string) {
  return fail('chunk-damaged', `A bundle cannot be read: ${how}.`);
}
