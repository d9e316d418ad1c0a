import { Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import { sha256InBackground } from '../format/checksum.ts';
import { decodeFooter, type PackEntry } from '../format/pack-footer.ts';
import type { ChunkPlace } from '../index/entry-words.ts';
import type { HashIndex } from '../index/hash-index.ts';
import { type LoadedPack, readFooter } from '../load-packs.ts';
import { splitRecord } from '../pack-scan.ts';
import type { Collection } from './collection.ts';

/** The record of a chunk as stored, or undefined if it is damaged. */
export async function readWholeRecord(
  { store, table, pace }: Collection,
  id: Buffer,
  place: ChunkPlace,
  signal: AbortSignal,
): Promise<Buffer<ArrayBuffer> | undefined> {
  await pace.take(place.length, signal);
  try {
    const bytes = await store.read(table.pack(place.pack).name, place.offset, place.length);
    const { head, body, complete } = splitRecord(bytes);
    const whole = complete && head.id.equals(id) && (await sha256InBackground(body)).equals(head.checksum);
    return whole ? bytes : undefined;
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind === 'corrupt') return undefined;
    throw thrown;
  }
}

/** What its footer says, or undefined, reported, if that cannot be read any more: then the pack is left alone. */
export async function footerOf({ store, table, report }: Collection, number: number): Promise<LoadedPack | undefined> {
  const { name } = table.pack(number);
  try {
    const { tail, length } = await readFooter(store, name);
    return { ...decodeFooter(tail), name, length };
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    const message = `Pack ${name} in ${store.location} is left alone: ${cause.message}`;
    report.problems.push(fail('pack-damaged', message, { cause }));
    return undefined;
  }
}

/**
 * Before a pack goes: of a needed chunk in it that is read from another pack, that other copy must be whole. If it is
 * not, the copy in this pack takes its place, and false is returned.
 */
export async function restStandsElsewhere(
  collection: Collection,
  pack: number,
  entries: readonly PackEntry[],
  index: HashIndex,
  signal: AbortSignal,
): Promise<boolean> {
  let elsewhere = true;
  for (const { id, type, offset, length } of entries) {
    const entry = index.find(id);
    const place = entry < 0 ? undefined : index.placeOf(entry);
    if (place === undefined || place.pack === pack || !collection.marks.mustStay(index, entry)) continue;
    if ((await readWholeRecord(collection, id, place, signal)) !== undefined) continue;
    const own = { type, pack, offset, length };
    if ((await readWholeRecord(collection, id, own, signal)) === undefined) continue;
    index.relocate(entry, own);
    elsewhere = false;
  }
  return elsewhere;
}
