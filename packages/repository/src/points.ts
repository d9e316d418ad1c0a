import { orderedParallel, toFailure } from '@sealift/core';
import type { EncryptionMode } from '@sealift/crypto';
import { fail } from './failures.ts';
import type { Manifest } from './format/manifest-body.ts';
import { LONGEST_POINT, openManifest } from './format/recovery-point.ts';
import { decodeReferencesTrailer, REFERENCES_TRAILER_LENGTH } from './format/reference-list.ts';
import { POINTS_FOLDER, pointIdOf, pointName, REFERENCES_FOLDER, referencesName } from './layout.ts';
import type { LoadOptions } from './load-packs.ts';
import { type MetadataCache, type Tail, throughCache } from './metadata-cache.ts';
import type { PointKeeping } from './point-locks.ts';
import type { Store } from './store/store.ts';

/** A recovery point as the repository lists it. */
export interface PointRecord extends PointKeeping {
  id: string;
  /** SHA-256 of the recovery point file. */
  hash: Buffer;
  /** Clock of the source, ms since 1970. */
  createdAt: number;
  /** Clock of this repository's Transporter at the commit, ms since 1970. */
  receivedAt: number;
  mode: EncryptionMode;
  zone: Buffer;
  jobId: string;
  sourceId: string;
  sequence: number;
  previous?: Buffer;
  /** Ids in its reference list. */
  references: number;
  /** SHA-256 of the public key that signed it. */
  signer: Buffer;
}

const READ_AHEAD = 8;

export function pointRecord(opened: ReturnType<typeof openManifest>, receivedAt: number): PointRecord {
  const { pointId, createdAt, mode, zone, jobId, sourceId, sequence, previous, references } = opened.manifest;
  const record = { id: pointId, hash: opened.hash, createdAt, receivedAt, mode, zone, jobId, sourceId, sequence };
  const signer = opened.signer.publicKeyHash;
  return { ...record, references: references.count, signer, ...(previous === undefined ? {} : { previous }) };
}

/** All committed points. Damaged ones are told to `onProblem` and left out. */
export async function loadPoints(store: Store, options: LoadOptions): Promise<PointRecord[]> {
  const ids = (await store.list(POINTS_FOLDER)).map(pointIdOf).filter((id) => id !== undefined);
  const points: PointRecord[] = [];
  for await (const point of orderedParallel(ids, READ_AHEAD, (id) => loadPoint(store, id, options))) {
    if (point !== undefined) points.push(point);
  }
  return points;
}

async function loadPoint(store: Store, id: string, options: LoadOptions): Promise<PointRecord | undefined> {
  try {
    const { opened } = await readPointFile(store, id, options.cache);
    return pointRecord(opened, await receiveTime(store, opened.manifest, options));
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    options.onProblem(failure);
    return undefined;
  }
}

/** The stored file of a point, its checksum and signature checked. */
export async function readPointFile(store: Store, id: string, cache?: MetadataCache) {
  const name = pointName(id);
  return await throughCache(
    cache,
    name,
    () => store.readTail(name, LONGEST_POINT),
    (tail) => openPointFile(store, id, tail),
  );
}

function openPointFile(store: Store, id: string, { tail, length }: Tail) {
  try {
    if (length > LONGEST_POINT) throw fail('format-damaged', `A recovery point file has ${length} bytes.`);
    const opened = openManifest(tail);
    if (opened.manifest.pointId !== id) throw fail('format-damaged', `It holds point ${opened.manifest.pointId}.`);
    return { file: tail, opened };
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.code === 'repository-too-new') throw cause;
    throw fail('point-damaged', `Recovery point ${id} in ${store.location} is damaged: ${cause.message}`, { cause });
  }
}

/** A point whose receive time is lost counts as received now, so that retention keeps it longest. */
async function receiveTime(store: Store, manifest: Manifest, { cache, onProblem }: LoadOptions): Promise<number> {
  const name = referencesName(manifest.pointId);
  try {
    const read = () => store.readTail(name, REFERENCES_TRAILER_LENGTH);
    return await throughCache(cache, name, read, ({ tail, length }) => {
      const trailer = decodeReferencesTrailer(tail, length);
      if (!trailer.hash.equals(manifest.references.hash)) throw fail('format-damaged', 'It belongs to another point.');
      return trailer.receivedAt;
    });
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.kind !== 'corrupt') throw cause;
    const message = `The reference list ${name} in ${store.location} is damaged: ${cause.message}`;
    onProblem(fail('point-damaged', message, { cause }));
    return Date.now();
  }
}

/** Ids of all points on the disk, those that are damaged included. */
export async function storedPoints(store: Store): Promise<Set<string>> {
  return new Set((await store.list(POINTS_FOLDER)).flatMap((name) => pointIdOf(name) ?? []));
}

/** Removes reference lists whose points were never committed. */
export async function removeOrphanedReferences(store: Store): Promise<void> {
  const ids = await storedPoints(store);
  for (const name of await store.list(REFERENCES_FOLDER)) {
    const id = pointIdOf(name.replace(REFERENCES_FOLDER, POINTS_FOLDER));
    if (id !== undefined && !ids.has(id)) await store.remove(name);
  }
}
