import { orderedParallel, toFailure } from '@sealift/core';
import type { EncryptionMode } from '@sealift/crypto';
import { fail } from './failures.ts';
import type { Manifest } from './format/manifest-body.ts';
import type { openManifest } from './format/recovery-point.ts';
import { decodeReferencesTrailer, REFERENCES_TRAILER_LENGTH } from './format/reference-list.ts';
import {
  POINTS_FOLDER,
  parseReferencesName,
  parseSparePointName,
  pointIdOf,
  REFERENCES_FOLDER,
  referencesName,
  SPARE_POINTS_FOLDER,
} from './layout.ts';
import type { LoadOptions } from './load-packs.ts';
import { throughCache } from './metadata-cache.ts';
import { readPointFile } from './point-file.ts';
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
const REPAIR = 'Mend it: sealift repository repair NAME --apply. Check the disk.';

export function pointRecord(opened: ReturnType<typeof openManifest>, receivedAt: number): PointRecord {
  const { pointId, createdAt, mode, zone, jobId, sourceId, sequence, previous, references } = opened.manifest;
  const record = { id: pointId, hash: opened.hash, createdAt, receivedAt, mode, zone, jobId, sourceId, sequence };
  const signer = opened.signer.publicKeyHash;
  return { ...record, references: references.count, signer, ...(previous === undefined ? {} : { previous }) };
}

/** All committed points. Damaged ones are told to `onProblem`; those of which no copy is whole are left out. */
export async function loadPoints(store: Store, options: LoadOptions): Promise<PointRecord[]> {
  const ids = await storedPoints(store);
  const points: PointRecord[] = [];
  for await (const point of orderedParallel(ids, READ_AHEAD, (id) => loadPoint(store, id, options))) {
    if (point !== undefined) points.push(point);
  }
  return points;
}

async function loadPoint(store: Store, id: string, options: LoadOptions): Promise<PointRecord | undefined> {
  try {
    const { opened, damage } = await readPointFile(store, id, options.cache);
    if (damage !== undefined) {
      const message = `${damage.message} It is read from its second copy.`;
      options.onProblem(fail('point-damaged', message, { advice: REPAIR, cause: damage }));
    }
    return pointRecord(opened, await receiveTime(store, opened.manifest, options));
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    options.onProblem(failure);
    return undefined;
  }
}

/** A point whose receive time is lost counts as received now, so that retention keeps it longest. */
async function receiveTime(store: Store, manifest: Manifest, { cache, onProblem }: LoadOptions): Promise<number> {
  const name = referencesName(manifest.pointId);
  try {
    const read = () => store.readTail(name, REFERENCES_TRAILER_LENGTH);
    return await throughCache(cache, name, read, ({ tail, length }) => {
      const trailer = decodeReferencesTrailer(tail, length);
      const ours = trailer.rebuilt === true || trailer.hash.equals(manifest.references.hash);
      if (!ours) throw fail('format-damaged', 'It belongs to another point.');
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

/** Ids of all points on the disk, those that are damaged, or lost but for their second copy, included. */
export async function storedPoints(store: Store): Promise<Set<string>> {
  const first = (await store.list(POINTS_FOLDER)).map(pointIdOf);
  const spare = (await store.list(SPARE_POINTS_FOLDER)).map(parseSparePointName);
  return new Set([...first, ...spare].filter((id) => id !== undefined));
}

/** Removes reference lists whose points were never committed. */
export async function removeOrphanedReferences(store: Store): Promise<void> {
  const ids = await storedPoints(store);
  for (const name of await store.list(REFERENCES_FOLDER)) {
    const id = parseReferencesName(name);
    if (id !== undefined && !ids.has(id)) await store.remove(name);
  }
}
