import { createHash } from 'node:crypto';
import { toFailure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ID_LENGTH } from '../format/limits.ts';
import type { Manifest } from '../format/manifest-body.ts';
import { encodeReferencesHeader, encodeReferencesTrailer } from '../format/reference-list.ts';
import { runKeyOf } from '../index/pack-table.ts';
import { referencesName } from '../layout.ts';
import type { RepairHost } from './host.ts';

/** Written at once, bytes. */
const GATHERED = 1024 * 1024;

/** Ids of all chunks that an in-flight point uses, read from its tree. @throws Failure if a part cannot be read */
export type ReadTree = (pointId: string, signal: AbortSignal | undefined) => AsyncIterable<Buffer>;

export interface RebuildOptions {
  receivedAt: number;
  dryRun: boolean;
  readTree: ReadTree | undefined;
}

export interface Rebuilt {
  /** `tree`: it names what the point uses. `runs`: all chunks of the runs that the point lists, or of its zone. */
  from: 'tree' | 'runs';
  count: number;
}

/**
 * Makes the reference list of a point anew: from its tree if that can be read here, else from everything that it can refer
 * to at all, so that nothing it needs is ever collected. @throws Failure `repository-locked`
 */
export async function rebuildReferences(
  host: RepairHost,
  manifest: Manifest,
  options: RebuildOptions,
  signal: AbortSignal | undefined,
): Promise<Rebuilt> {
  const inFlight = host.zones.has(manifest.zone);
  if (inFlight && host.encryption?.locked === true) {
    throw fail('repository-locked', 'The tree of its recovery point can be read once the repository is unlocked.');
  }
  if (inFlight && options.readTree !== undefined) {
    try {
      const ids = options.readTree(manifest.pointId, signal);
      return { from: 'tree', count: await writeList(host, manifest, options, ids, signal) };
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.kind !== 'corrupt') throw failure;
    }
  }
  return { from: 'runs', count: await writeList(host, manifest, options, idsOfRuns(host, manifest), signal) };
}

/** A point in a zone of its own refers to chunks under the runs it lists alone: no other commit was let through. */
function* idsOfRuns({ table }: RepairHost, { zone, run, runs }: Manifest): Generator<Buffer, void, undefined> {
  const listed = new Set([...runs, ...(run === undefined ? [] : [run])].map(runKeyOf));
  const names = new Set<string>();
  for (let number = 0; number < table.packCount; number++) {
    const pack = table.pack(number);
    if (pack.retired === true || !pack.zone.equals(zone)) continue;
    if (run === undefined || (pack.run >= 0 && listed.has(runKeyOf(table.run(pack.run))))) names.add(pack.name);
  }
  for (const { id } of table.chunksIn(names)) yield id;
}

async function writeList(
  host: RepairHost,
  { pointId, zone }: Manifest,
  { receivedAt, dryRun }: RebuildOptions,
  ids: AsyncIterable<Buffer> | Iterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const id = uuidBytes(pointId);
  const digest = createHash('sha256');
  let count = 0;
  const file = dryRun ? undefined : await host.store.grow(`${crypto.randomUUID()}.tmp`);
  try {
    await file?.append([encodeReferencesHeader(id, zone, true)]);
    for await (const some of gathered(ids)) {
      signal?.throwIfAborted();
      digest.update(some);
      count += some.length / ID_LENGTH;
      await file?.append([some]);
    }
    const trailer = { pointId: id, zone, count, hash: digest.digest(), receivedAt, rebuilt: true };
    await file?.append([encodeReferencesTrailer(trailer)]);
    await host.confirmLease();
    await file?.publish(referencesName(pointId));
  } catch (thrown) {
    await file?.discard();
    throw thrown;
  }
  await file?.[Symbol.asyncDispose]();
  return count;
}

async function* gathered(ids: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let some: Buffer[] = [];
  for await (const id of ids) {
    // Small files that follow one another are in the same bundle.
    if (some.at(-1)?.equals(id)) continue;
    some.push(Buffer.from(id));
    if (some.length * ID_LENGTH < GATHERED) continue;
    yield Buffer.concat(some);
    some = [];
  }
  if (some.length > 0) yield Buffer.concat(some);
}
