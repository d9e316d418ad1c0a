import { uuidBytes } from '@sealift/crypto';
import { fail } from './failures.ts';
import { ID_LENGTH } from './format/limits.ts';
import {
  decodeReferencesTrailer,
  REFERENCES_HEADER_LENGTH,
  REFERENCES_TRAILER_LENGTH,
  type ReferencesTrailer,
} from './format/reference-list.ts';
import type { PackTable } from './index/pack-table.ts';
import { referencesName } from './layout.ts';
import { readPointFile } from './point-file.ts';
import { RunTally } from './references.ts';
import type { PointRuns } from './repository.ts';
import type { Store } from './store/store.ts';

/** Read at once: a multiple of the length of an id. */
const SPAN = 4096 * ID_LENGTH;

/**
 * Which runs a stored point needs, by looking up what it refers to and not by what its manifest says. The run that made
 * it is among them: its key authenticates the manifest.
 */
export async function runsOfPoint(store: Store, table: PackTable, id: string): Promise<PointRuns> {
  const { opened } = await readPointFile(store, id);
  const { manifest, hash } = opened;
  const tally = new RunTally(table, (chunk) => table.chunk(manifest.zone, chunk));
  tally.add(manifest.body);
  for await (const ids of storedReferences(store, id)) tally.add(ids);
  const own = manifest.run === undefined ? [] : [manifest.run];
  const { rebuilt } = await trailerOf(store, id);
  const found = { hash, runs: tally.runs(own), missingCount: tally.missingCount };
  return rebuilt ? { ...found, rebuilt } : found;
}

/** The same for another repository, which asks for the list that the point names. @throws Failure `point-damaged` */
export async function* namedReferences(store: Store, id: string): AsyncGenerator<Buffer, void, undefined> {
  if ((await trailerOf(store, id)).rebuilt) {
    const message = `The reference list of recovery point ${id} was rebuilt by a repair; such a point cannot be copied.`;
    throw fail('point-damaged', message, { advice: 'Copy it from another repository that holds it, or leave it out.' });
  }
  yield* storedReferences(store, id);
}

/** The ids of the stored reference list of a point, end to end, some at a time. */
export async function* storedReferences(store: Store, id: string): AsyncGenerator<Buffer, void, undefined> {
  const name = referencesName(id);
  const { count } = await trailerOf(store, id);
  const end = count * ID_LENGTH;
  for (let at = 0; at < end; at += SPAN) {
    yield await store.read(name, REFERENCES_HEADER_LENGTH + at, Math.min(SPAN, end - at));
  }
}

async function trailerOf(store: Store, id: string): Promise<ReferencesTrailer> {
  const name = referencesName(id);
  const { tail, length } = await store.readTail(name, REFERENCES_TRAILER_LENGTH);
  const trailer = decodeReferencesTrailer(tail, length);
  if (trailer.pointId.equals(uuidBytes(id))) return trailer;
  throw fail('point-damaged', `The reference list ${name} is that of another point.`);
}
