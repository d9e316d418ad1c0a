import { createHash } from 'node:crypto';
import { toFailure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { ID_LENGTH } from '../format/limits.ts';
import type { Manifest } from '../format/manifest-body.ts';
import {
  decodeReferencesTrailer,
  encodeReferencesHeader,
  encodeReferencesTrailer,
  REFERENCES_HEADER_LENGTH,
  REFERENCES_TRAILER_LENGTH,
} from '../format/reference-list.ts';
import { parseReferencesName } from '../layout.ts';
import { readPointFile } from '../point-file.ts';
import type { RepairHost } from './host.ts';
import { replaceFile } from './replace-file.ts';

/** Longest list that is held in memory to be mended, bytes: 8 million ids. */
const LONGEST = 256 * 1024 * 1024;
/** Ids in which a flipped bit is looked for. */
const MOST_UNKNOWN = 64;

/**
 * Writes a damaged reference list anew if its ids can be made to match the checksum in its point: header and trailer
 * follow from the point, and a flipped bit is put right where that gives the id of a chunk that is there.
 * @returns false if it cannot be done, or `file` is no reference list
 */
export async function mendReferences(host: RepairHost, file: string, dryRun: boolean): Promise<boolean> {
  const pointId = parseReferencesName(file);
  if (pointId === undefined) return false;
  const found = await readable(host, file, pointId);
  if (found === undefined) return false;
  const { manifest, bytes } = found;
  const ids = matching(host, manifest, bytes.subarray(REFERENCES_HEADER_LENGTH, -REFERENCES_TRAILER_LENGTH));
  if (ids === undefined) return false;
  const trailer = { count: manifest.references.count, hash: manifest.references.hash, zone: manifest.zone };
  const receivedAt = receiveTime(bytes);
  const parts = [
    encodeReferencesHeader(uuidBytes(pointId), manifest.zone),
    ids,
    encodeReferencesTrailer({ ...trailer, pointId: uuidBytes(pointId), receivedAt }),
  ];
  if (!dryRun) await replaceFile(host, file, Buffer.concat(parts));
  return true;
}

async function readable({ store }: RepairHost, file: string, pointId: string) {
  try {
    const { opened } = await readPointFile(store, pointId);
    const { tail, length } = await store.readTail(file, LONGEST);
    const expected =
      REFERENCES_HEADER_LENGTH + opened.manifest.references.count * ID_LENGTH + REFERENCES_TRAILER_LENGTH;
    return length === expected && length === tail.length ? { manifest: opened.manifest, bytes: tail } : undefined;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    return undefined;
  }
}

function matching({ table }: RepairHost, { zone, references }: Manifest, ids: Buffer): Buffer | undefined {
  const holds = () => createHash('sha256').update(ids).digest().equals(references.hash);
  if (holds()) return ids;
  const isKnown = (id: Buffer) => table.chunk(zone, id) !== undefined;
  let unknown = 0;
  for (let at = 0; at < ids.length && unknown < MOST_UNKNOWN; at += ID_LENGTH) {
    const id = ids.subarray(at, at + ID_LENGTH);
    if (isKnown(id)) continue;
    unknown += 1;
    putRight(id, isKnown);
  }
  return holds() ? ids : undefined;
}

/** Flips the one bit that makes an id known, if there is one. */
function putRight(id: Buffer, isKnown: (id: Buffer) => boolean): void {
  for (let bit = 0; bit < ID_LENGTH * 8; bit++) {
    const [byte, mask] = [bit >> 3, 1 << (bit & 7)];
    id.writeUInt8(id.readUInt8(byte) ^ mask, byte);
    if (isKnown(id)) return;
    id.writeUInt8(id.readUInt8(byte) ^ mask, byte);
  }
}

/** A receive time that is lost counts as now, so that retention keeps the point longest. */
function receiveTime(bytes: Buffer): number {
  try {
    return decodeReferencesTrailer(bytes.subarray(-REFERENCES_TRAILER_LENGTH), bytes.length).receivedAt;
  } catch {
    return Date.now();
  }
}
