import { decodeSegments, type Segment, type TreeEntry } from '@sealift/repository';
import { printOf } from '@sealift/workloads';
import type { KnownDisks } from '../cache/disk-notes.ts';
import { type Kept, unpackPage, type WholePage } from '../cache/known-pages.ts';
import { readHead } from '../cache/page.ts';
import { splitLost } from '../cache/split-lost.ts';
import type { Dedup } from '../dedup/dedup.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import { hasContent, planWork, STRETCH_BYTES, type Walked, type WorkUnit } from './plan-work.ts';
import type { SourcePool } from './source-pool.ts';
import type { BatchResult, FileProblem } from './thread-messages.ts';
import type { FoundEntry } from './walk-messages.ts';

/** An entry for the tree, and what will tell the next run that it is unchanged. */
export interface FinishedEntry {
  entry: TreeEntry;
  print: Buffer;
  settled: boolean;
}

/** What came of a unit of work, in tree order. `sound`: read to its end, and unchanged meanwhile. */
export type WorkResult =
  | { kind: 'entry'; finished: FinishedEntry }
  | {
      kind: 'segments';
      unit: Extract<WorkUnit, { kind: 'stretch' }>;
      segments: Segment[];
      lost: boolean;
      sound: boolean;
    }
  | { kind: 'kept'; page: Buffer }
  | { kind: 'whole'; page: WholePage }
  | { kind: 'missing'; path: Buffer }
  | { kind: 'unlisted' };

export type OnProblem = (path: Buffer, problem: FileProblem) => void;

export interface ReadTools {
  pool: SourcePool;
  dedup: Dedup;
  warn: OnProblem;
  roots: NamedRoot[];
  disks: KnownDisks;
}

/** Has one unit of work done by the workers. Files that cannot be read are reported and left out. */
export async function readWork(unit: WorkUnit, tools: ReadTools): Promise<WorkResult[]> {
  if (unit.kind === 'batch') return readItems(unit.items, tools);
  const { entry, offset } = unit;
  // At once, for they are known in the order of the units.
  const known = entry.source.nbd?.changes === undefined ? undefined : tools.disks.stretch(entry.path, offset);
  const { segments, lost, problem } = await readStretch(entry, offset, unit.length, tools.pool, known);
  // Of a file in several stretches, the last one tells that it changed.
  if (problem !== undefined && (unit.last || lost)) tools.warn(entry.source.path, problem);
  return [{ kind: 'segments', unit, segments, lost, sound: problem === undefined }];
}

async function readStretch(
  entry: FoundEntry,
  offset: number,
  length: number,
  pool: SourcePool,
  known?: Buffer,
): Promise<{ segments: Segment[]; lost: boolean; problem?: FileProblem }> {
  if (length === 0) return { segments: [], lost: false };
  const { path, links: _, settled: __, nbd, ...found } = entry.source;
  const where = { path: ownBuffer(path), ...(nbd === undefined ? {} : { nbd }) };
  const disk = entry.disk === true;
  const work = { ...where, offset, length, disk, found, ...(known === undefined ? {} : { known: ownBuffer(known) }) };
  const result = await pool.call('stretch', work);
  return { ...result, segments: decodeSegments(asBuffer(result.segments)) };
}

async function readItems(items: Walked[], tools: ReadTools): Promise<WorkResult[]> {
  const files = items.flatMap((item) =>
    'entry' in item && hasContent(item.entry) && item.entry.size > 0 ? [item.entry] : [],
  );
  const kept = items.map((item) => ('kept' in item || 'whole' in item ? keep(item, tools) : undefined));
  const results = new Map<FoundEntry, BatchResult['files'][number]>();
  try {
    if (files.length > 0) {
      const work = { files: files.map(({ source, size }) => ({ path: ownBuffer(source.path), size })) };
      const batch = await tools.pool.call('batch', work);
      files.forEach((entry, i) => {
        results.set(entry, batch.files[i] as BatchResult['files'][number]);
      });
    }
  } finally {
    await Promise.allSettled(kept);
  }
  const done: WorkResult[] = [];
  for (const [i, item] of items.entries()) {
    if ('entry' in item) done.push(await finishEntry(item.entry, results.get(item.entry), tools));
    else if ('missing' in item) done.push({ kind: 'missing', path: item.missing });
    else if ('unlisted' in item) done.push({ kind: 'unlisted' });
    else done.push(...((await kept[i]) as WorkResult[]));
  }
  return done;
}

/** What is unchanged stays as it is, if the target still has all of it; the rest is read again. */
async function keep(item: Kept, tools: ReadTools): Promise<WorkResult[]> {
  const { dedup } = tools;
  const { ids, id } = readHead('kept' in item ? item.kept : item.whole.head);
  const asked = 'kept' in item ? ids : Buffer.concat([ids, id]);
  const present = await dedup.present(asked);
  const lost = present.subarray(0, ids.length / 32).includes(0);
  if (!lost && !present.includes(0)) {
    dedup.refer(asked);
    return ['kept' in item ? { kind: 'kept', page: item.kept } : { kind: 'whole', page: item.whole }];
  }
  const page = 'kept' in item ? item.kept : unpackPage(item.whole);
  if (!lost) {
    dedup.refer(ids);
    return [{ kind: 'kept', page }];
  }
  const done: WorkResult[] = [];
  for await (const unit of planWork(splitLost(page, present, tools))) done.push(...(await readWork(unit, tools)));
  return done;
}

async function finishEntry(
  entry: FoundEntry,
  result: BatchResult['files'][number] | undefined,
  tools: ReadTools,
): Promise<WorkResult> {
  if (result !== undefined && 'problem' in result && result.problem !== undefined) {
    tools.warn(entry.source.path, result.problem);
  }
  if (!hasContent(entry)) return finished(entry, undefined);
  if (result === undefined || result.state === 'empty') return finished(entry, []);
  if (result.state === 'failed') return { kind: 'missing', path: entry.path };
  if (result.state === 'sparse') return readSparse(entry, tools);
  const { bundle, ordinal } = await tools.dedup.whereabouts(asBuffer(result.member));
  const segment: Segment = { kind: 'member', length: result.length, bundle, ordinal };
  return finished(entry, [segment], result.problem === undefined);
}

/** A small file with holes is read like a large one, which keeps them. It never exceeds one stretch. */
async function readSparse(entry: FoundEntry, { pool, warn }: ReadTools): Promise<WorkResult> {
  const { segments, lost, problem } = await readStretch(entry, 0, Math.min(entry.size, STRETCH_BYTES), pool);
  if (problem !== undefined) warn(entry.source.path, problem);
  return lost ? { kind: 'missing', path: entry.path } : finished(entry, segments, problem === undefined);
}

/** The entry as it goes into the tree: its size is what was read, whatever was found before. */
function finished(entry: FoundEntry, segments: Segment[] | undefined, sound = true): WorkResult {
  const { source, ...metadata } = entry;
  const print = printOf(source);
  const settled = source.settled && sound;
  if (segments === undefined) return { kind: 'entry', finished: { entry: metadata, print, settled } };
  const size = segments.reduce((sum, { length }) => sum + length, 0);
  return { kind: 'entry', finished: { entry: { ...metadata, size, content: { inline: segments } }, print, settled } };
}
