import { createHash } from 'node:crypto';
import { Failure, toFailure } from '@sealift/core';
import { uuidText } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ID_LENGTH } from '../format/limits.ts';
import {
  decodeReferencesTrailer,
  REFERENCES_HEADER_LENGTH,
  REFERENCES_TRAILER_LENGTH,
} from '../format/reference-list.ts';
import { referencesName } from '../layout.ts';
import { readPointFile } from '../point-file.ts';
import { storedPoints } from '../points.ts';
import type { Store } from '../store/store.ts';
import type { Marks } from './marks.ts';
import type { Pace } from './pace.ts';

/** Read of a reference list at once. */
const SPAN = 8192 * ID_LENGTH;

export interface MarkSource {
  store: Store;
  marks: Marks;
  pace: Pace;
  onProgress: (done: number, total: number) => void;
}

/**
 * Marks every chunk that a recovery point on the disk uses, damaged points included. If the list of one cannot be read,
 * nobody knows what it needs, and nothing may be collected.
 */
export async function markPoints(
  source: MarkSource,
  signal: AbortSignal,
): Promise<{ points: number; missing: number }> {
  const ids = await storedPoints(source.store);
  let [done, missing] = [0, 0];
  for (const id of ids) {
    signal.throwIfAborted();
    missing += await markPoint(source, id, signal);
    source.onProgress(++done, ids.size);
  }
  return { points: done, missing };
}

async function markPoint(source: MarkSource, id: string, signal: AbortSignal): Promise<number> {
  const { store, marks } = source;
  try {
    const zone = await markList(source, id, signal);
    const body = await bodyOf(store, id);
    const found = body === undefined || marks.mark(zone.zone, body);
    return zone.missing + (found ? 0 : 1);
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    // Removed in the meantime, it needs nothing any more.
    if (cause.code === 'file-missing' && (await isGone(store, id))) return 0;
    const message = `What recovery point ${id} in ${store.location} needs cannot be told: ${cause.message}`;
    throw fail('collection-blocked', message, { cause });
  }
}

/** Streamed, and checked as a whole. Returns how many of its chunks are not there. */
async function markList({ store, marks, pace }: MarkSource, pointId: string, signal: AbortSignal) {
  const name = referencesName(pointId);
  const { tail, length } = await store.readTail(name, REFERENCES_TRAILER_LENGTH);
  const trailer = decodeReferencesTrailer(tail, length);
  const { zone, count, hash } = trailer;
  if (uuidText(trailer.pointId) !== pointId) throw fail('format-damaged', `${name} belongs to another point.`);
  const digest = createHash('sha256');
  const end = count * ID_LENGTH;
  let missing = 0;
  for (let at = 0; at < end; at += SPAN) {
    const ids = await store.read(name, REFERENCES_HEADER_LENGTH + at, Math.min(SPAN, end - at));
    await pace.take(ids.length, signal);
    digest.update(ids);
    for (let i = 0; i < ids.length; i += ID_LENGTH) if (!marks.mark(zone, ids.subarray(i, i + ID_LENGTH))) missing++;
  }
  if (!digest.digest().equals(hash)) throw fail('format-damaged', `The reference list ${name} was changed.`);
  return { zone, missing };
}

/** Of a point that is damaged the list alone counts. */
async function bodyOf(store: Store, id: string): Promise<Buffer | undefined> {
  try {
    return (await readPointFile(store, id)).opened.manifest.body;
  } catch (thrown) {
    if (thrown instanceof Failure && ['point-damaged', 'file-missing'].includes(thrown.code)) return undefined;
    throw thrown;
  }
}

async function isGone(store: Store, id: string): Promise<boolean> {
  return !(await storedPoints(store)).has(id);
}
