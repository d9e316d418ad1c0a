import { createHash } from 'node:crypto';
import { type Failure, toFailure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ID_LENGTH } from '../format/limits.ts';
import type { Manifest } from '../format/manifest-body.ts';
import {
  decodeReferencesTrailer,
  encodeReferencesHeader,
  REFERENCES_HEADER_LENGTH,
  REFERENCES_TRAILER_LENGTH,
} from '../format/reference-list.ts';
import {
  POINTS_FOLDER,
  parseSparePointName,
  pointIdOf,
  pointName,
  REFERENCES_FOLDER,
  referencesName,
  SPARE_POINTS_FOLDER,
  sparePointName,
} from '../layout.ts';
import { type PointFile, readPointCopy } from '../point-file.ts';
import type { Store } from '../store/store.ts';
import type { ChunkSet } from './chunk-set.ts';
import type { UpkeepHost } from './host.ts';
import type { Pace } from './pace.ts';
import { StoredNames } from './stored-names.ts';

/** Ids of a reference list read at once: a multiple of the length of one. */
const SPAN = 32_768 * ID_LENGTH;

/** A recovery point that refers to chunks which are damaged or missing. */
export interface AffectedPoint {
  pointId: string;
  jobId: string;
  /** References to such chunks, repeats included. */
  chunks: number;
}

export interface CheckPointsOptions {
  pace: Pace;
  /** Chunks of which no whole record is left. */
  lost: ChunkSet;
  onFlaw: (file: string, failure: Failure) => void;
  onAffected: (point: AffectedPoint) => void;
  /** Told of chunks that are referred to and stand in no pack. */
  onMissing: (zone: Buffer, id: Buffer) => void;
  onPoint: () => void;
}

/** Reads every recovery point, its second copy and its reference list, and looks each chunk it refers to up. */
export async function checkPoints(
  host: UpkeepHost,
  options: CheckPointsOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const known = new Map((await host.points()).map((point) => [point.id, point.hash]));
  const points = await StoredNames.of(host.store, POINTS_FOLDER);
  const spares = await StoredNames.of(host.store, SPARE_POINTS_FOLDER);
  const lists = await StoredNames.of(host.store, REFERENCES_FOLDER);
  const withSpare = new Set(spares.all().flatMap((name) => parseSparePointName(name) ?? []));
  const stored = points.all().flatMap((name) => pointIdOf(name) ?? []);
  for (const id of new Set([...known.keys(), ...stored, ...withSpare])) {
    signal?.throwIfAborted();
    const first = await wholePoint(host, options, { id, hash: known.get(id) }, { name: pointName(id), stored: points });
    const copy = { id, hash: known.get(id) ?? first?.hash };
    // Points of earlier versions get one with the next collection.
    const second = withSpare.has(id)
      ? await wholePoint(host, options, copy, { name: sparePointName(id), stored: spares })
      : undefined;
    const manifest = (first ?? second)?.manifest;
    if (manifest !== undefined) await checkReferences(host, options, { manifest, lists }, signal);
    options.onPoint();
  }
}

/** One copy of a point, if it is whole and the one that is expected. */
async function wholePoint(
  host: UpkeepHost,
  options: CheckPointsOptions,
  { id, hash }: { id: string; hash: Buffer | undefined },
  { name, stored }: { name: string; stored: StoredNames },
): Promise<PointFile['opened'] | undefined> {
  return await whole(host, options, id, name, async () => {
    await stored.demand(name);
    const { opened } = await readPointCopy(host.store, name, id);
    if (hash === undefined || opened.hash.equals(hash)) return opened;
    throw fail('point-damaged', `Recovery point ${id} was replaced by another file.`);
  });
}

async function checkReferences(
  host: UpkeepHost,
  options: CheckPointsOptions,
  { manifest, lists }: { manifest: Manifest; lists: StoredNames },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { pointId, jobId } = manifest;
  const name = referencesName(pointId);
  const chunks = await whole(host, options, pointId, name, async () => {
    await lists.demand(name);
    return await readReferences(host, options, manifest, signal);
  });
  if (chunks !== undefined && chunks > 0) options.onAffected({ pointId, jobId, chunks });
}

/** @returns how many references are to chunks that are lost */
async function readReferences(
  host: UpkeepHost,
  options: CheckPointsOptions,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { zone } = manifest;
  const { length, expected } = await checkListEnds(host.store, manifest);
  const spans = () => referenceSpans(host.store, { manifest, length, pace: options.pace }, signal);
  const isMissing = (id: Buffer) => host.table.chunk(zone, id) === undefined;
  const isLost = (id: Buffer) => isMissing(id) || options.lost.has(zone, id);
  const hash = createHash('sha256');
  let affected = 0;
  for await (const ids of spans()) {
    hash.update(ids);
    affected += eachId(ids)
      .filter(isLost)
      .reduce((count) => count + 1, 0);
  }
  if (!hash.digest().equals(expected)) throw fail('format-damaged', 'The checksum of its ids does not hold.');
  // Only now are the ids to be believed.
  if (affected === 0) return 0;
  for await (const ids of spans()) {
    for (const id of eachId(ids).filter(isMissing)) options.onMissing(zone, id);
  }
  return affected;
}

/** Compares header and trailer of a reference list with its point. One that was rebuilt has a checksum of its own. */
async function checkListEnds(
  store: Store,
  { pointId, zone, references }: Manifest,
): Promise<{ length: number; expected: Buffer }> {
  const name = referencesName(pointId);
  const { tail, length } = await store.readTail(name, REFERENCES_TRAILER_LENGTH);
  const trailer = decodeReferencesTrailer(tail, length);
  const { rebuilt } = trailer;
  const header = await store.read(name, 0, REFERENCES_HEADER_LENGTH);
  const copy = encodeReferencesHeader(trailer.pointId, trailer.zone, rebuilt);
  const ours = header.equals(copy) && copy.equals(encodeReferencesHeader(uuidBytes(pointId), zone, rebuilt));
  const same = trailer.hash.equals(references.hash) && trailer.count === references.count;
  if (!ours || !(same || rebuilt)) throw fail('format-damaged', 'It is not the list that the recovery point names.');
  return { length, expected: trailer.hash };
}

/** The ids of a reference list, end to end, some at a time. `length` is that of the file. */
export async function* referenceSpans(
  store: Store,
  { manifest, length, pace }: { manifest: Manifest; length: number; pace: Pace },
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const name = referencesName(manifest.pointId);
  const end = length - REFERENCES_TRAILER_LENGTH;
  for (let at = REFERENCES_HEADER_LENGTH; at < end; at += SPAN) {
    const span = Math.min(SPAN, end - at);
    await pace.take(span, signal);
    yield await store.read(name, at, span);
  }
}

export function* eachId(ids: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < ids.length; at += ID_LENGTH) yield ids.subarray(at, at + ID_LENGTH);
}

/** What `read` gives, or undefined and a flaw if the file is damaged. A point that was removed meanwhile has no flaw. */
async function whole<T>(
  host: UpkeepHost,
  { onFlaw }: CheckPointsOptions,
  pointId: string,
  file: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt' && cause.code !== 'repository-too-new') throw cause;
    const there = (await host.points()).some(({ id }) => id === pointId);
    if (there || cause.code !== 'file-missing') {
      onFlaw(file, fail('point-damaged', `${file} is damaged: ${cause.message}`, { cause }));
    }
    return undefined;
  }
}
