import type { KeyObject } from 'node:crypto';
import type { Failure } from '@sealift/core';
import { type BoundaryRules, Leftovers, SourceHolder } from '@sealift/workloads';
import type { BackupOptions } from '../backup-options.ts';
import { DiskNotes } from '../cache/disk-notes.ts';
import { identityOf, PointCache } from '../cache/point-cache.ts';
import type { ProgressMeter } from '../progress.ts';
import { type NamedRoot, nameRoots } from '../tree/root-names.ts';
import { type OpenRoots, openRoots } from './open-roots.ts';
import type { WalkOrder } from './walk-messages.ts';

/** What a run is to read, and what it remembers of the run before. */
export interface Sources extends AsyncDisposable {
  roots: NamedRoot[];
  /** How what is not served is walked. */
  order: Omit<WalkOrder, 'roots'>;
  opened: OpenRoots;
  /** What disks of virtual machines were made of. */
  notes: DiskNotes;
  /** What files were made of. */
  cache: PointCache;
}

export interface SourcesUse {
  /** Zone of the chunks, 16 bytes. */
  zone: Buffer;
  /** Key of chunk ids. */
  idKey: KeyObject;
  /** Told why, when a source had to be let go before it was read. */
  onLost: (failure: Failure) => void;
}

export async function openSources(
  options: BackupOptions,
  { zone, idKey, onLost }: SourcesUse,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<Sources> {
  const { exclude, repositoryId, jobId, runId, spool } = options;
  await using held = new AsyncDisposableStack();
  const roots = nameRoots(options.sources);
  const boundaries = boundariesOf(options);
  const identity = identityOf({ jobId, repositoryId, zone, roots, exclude, boundaries });
  const notes = held.use(DiskNotes.open(options.diskNotes, runId, idKey, identity));
  const holder = held.use(holderOf(options, meter));
  const told = { onLost, onWarning: meter.warn.bind(meter), onNote: meter.note.bind(meter) };
  const opened = held.use(await openRoots(roots, { jobId, runId, spool, notes, holder, ...told }, signal));
  meter.showAs((warning) => opened.shown(warning));
  const cache = held.use(await PointCache.open(options.cache, runId, idKey, identity));
  const known = cache.known === undefined ? {} : { known: cache.known };
  const order = { exclude, boundaries, ...known };
  const resources = held.move();
  return { roots, order, opened, notes, cache, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** What holds the sources still; undefined where nothing is to. */
function holderOf({ reading, leftovers }: BackupOptions, meter: ProgressMeter): SourceHolder | undefined {
  const rule = reading?.consistency ?? 'auto';
  if (rule === 'none' || leftovers === undefined) return undefined;
  return new SourceHolder(rule, new Leftovers(leftovers), ({ message }) =>
    meter.warn({ path: Buffer.from(leftovers), code: 'snapshot-left', message }),
  );
}

function boundariesOf({ reading = {} }: BackupOptions): BoundaryRules {
  const { excludeCaches = false, oneFileSystem = false } = reading;
  return { excludeCaches, oneFileSystem };
}
