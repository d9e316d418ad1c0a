import { toFailure } from '@sealift/core';
import { decodeReferencesTrailer, REFERENCES_TRAILER_LENGTH } from '../format/reference-list.ts';
import { parseReferencesName } from '../layout.ts';
import { readPointFile } from '../point-file.ts';
import type { RepairHost } from './host.ts';
import { mendPoint } from './mend-point.ts';
import { mendReferences } from './mend-references.ts';
import { type RebuildOptions, type Rebuilt, rebuildReferences } from './rebuild-references.ts';

type MendOptions = Pick<RebuildOptions, 'dryRun' | 'readTree'>;

/**
 * Makes a damaged file of a recovery point whole. @returns what was done, or undefined if nothing can be
 * @throws Failure that says what has to be done first
 */
export async function mendFile(
  host: RepairHost,
  file: string,
  options: MendOptions,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (await mendPoint(host, file, options.dryRun)) return 'it is written anew from the other copy';
  if (await mendReferences(host, file, options.dryRun)) return 'it is written anew from what is known of it';
  const pointId = parseReferencesName(file);
  const manifest = pointId === undefined ? undefined : await manifestOf(host, pointId);
  if (manifest === undefined) return undefined;
  const receivedAt = await receiveTime(host, file, manifest.pointId);
  return inWords(await rebuildReferences(host, manifest, { ...options, receivedAt }, signal), manifest.pointId);
}

function inWords({ from, count }: Rebuilt, pointId: string): string {
  if (from === 'tree') return `it is made anew from the tree of its recovery point and names ${count} chunks`;
  return (
    'it is made anew without the tree of its recovery point, which cannot be read here, and names all ' +
    `${count} chunks that the point can refer to: none of them is collected before point ${pointId} is removed`
  );
}

async function manifestOf({ store }: RepairHost, pointId: string) {
  try {
    return (await readPointFile(store, pointId)).opened.manifest;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    return undefined;
  }
}

/** From what is left of the list; else as the open repository has it, which counts a time that is lost as late as it can. */
async function receiveTime(host: RepairHost, file: string, pointId: string): Promise<number> {
  try {
    const { tail, length } = await host.store.readTail(file, REFERENCES_TRAILER_LENGTH);
    return decodeReferencesTrailer(tail, length).receivedAt;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    return (await host.points()).find(({ id }) => id === pointId)?.receivedAt ?? Date.now();
  }
}
