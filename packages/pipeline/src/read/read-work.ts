import { decodeSegments, type Segment, type TreeEntry } from '@sealift/repository';
import type { Dedup } from '../dedup/dedup.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import { hasContent, STRETCH_BYTES, type WorkUnit } from './plan-work.ts';
import type { SourcePool } from './source-pool.ts';
import type { BatchResult, FileProblem } from './thread-messages.ts';
import type { FoundEntry } from './walk-messages.ts';

/** What came of a unit of work: entries with their content, or the next segments of a large one. */
export type WorkResult =
  | { kind: 'entries'; entries: TreeEntry[] }
  | { kind: 'segments'; unit: Extract<WorkUnit, { kind: 'stretch' }>; segments: Segment[]; lost: boolean };

export type OnProblem = (path: Buffer, problem: FileProblem) => void;

/** Has one unit of work done by the workers. Files that cannot be read are reported and left out. */
export async function readWork(unit: WorkUnit, pool: SourcePool, dedup: Dedup, warn: OnProblem): Promise<WorkResult> {
  if (unit.kind === 'batch') return { kind: 'entries', entries: await readEntries(unit.entries, pool, dedup, warn) };
  const { segments, lost, problem } = await readStretch(unit.entry, unit.offset, unit.length, pool);
  // Of a file in several stretches, the last one tells that it changed.
  if (problem !== undefined && (unit.last || lost)) warn(unit.entry.source.path, problem);
  return { kind: 'segments', unit, segments, lost };
}

async function readStretch(
  entry: FoundEntry,
  offset: number,
  length: number,
  pool: SourcePool,
): Promise<{ segments: Segment[]; lost: boolean; problem?: FileProblem }> {
  if (length === 0) return { segments: [], lost: false };
  const { path, links: _, nbd, ...found } = entry.source;
  const where = { path: ownBuffer(path), ...(nbd === undefined ? {} : { nbd }) };
  const work = { ...where, offset, length, disk: entry.disk === true, found };
  const result = await pool.call('stretch', work);
  return { ...result, segments: decodeSegments(asBuffer(result.segments)) };
}

async function readEntries(
  entries: FoundEntry[],
  pool: SourcePool,
  dedup: Dedup,
  warn: OnProblem,
): Promise<TreeEntry[]> {
  const files = entries.filter((entry) => hasContent(entry) && entry.size > 0);
  const results = new Map<FoundEntry, BatchResult['files'][number]>();
  if (files.length > 0) {
    const work = { files: files.map(({ source, size }) => ({ path: ownBuffer(source.path), size })) };
    const batch = await pool.call('batch', work);
    files.forEach((entry, i) => {
      results.set(entry, batch.files[i] as BatchResult['files'][number]);
    });
  }
  const done: TreeEntry[] = [];
  for (const entry of entries) {
    const finished = await finishEntry(entry, results.get(entry), pool, dedup, warn);
    if (finished !== undefined) done.push(finished);
  }
  return done;
}

async function finishEntry(
  entry: FoundEntry,
  result: BatchResult['files'][number] | undefined,
  pool: SourcePool,
  dedup: Dedup,
  warn: OnProblem,
): Promise<TreeEntry | undefined> {
  if (result !== undefined && 'problem' in result && result.problem !== undefined) {
    warn(entry.source.path, result.problem);
  }
  if (!hasContent(entry)) return withContent(entry, undefined);
  if (result === undefined || result.state === 'empty') return withContent(entry, []);
  if (result.state === 'failed') return undefined;
  if (result.state === 'sparse') return readSparse(entry, pool, warn);
  const { bundle, ordinal } = await dedup.whereabouts(asBuffer(result.member));
  return withContent(entry, [{ kind: 'member', length: result.length, bundle, ordinal }]);
}

/** A small file with holes is read like a large one, which keeps them. It never exceeds one stretch. */
async function readSparse(entry: FoundEntry, pool: SourcePool, warn: OnProblem): Promise<TreeEntry | undefined> {
  const { segments, lost, problem } = await readStretch(entry, 0, Math.min(entry.size, STRETCH_BYTES), pool);
  if (problem !== undefined) warn(entry.source.path, problem);
  return lost ? undefined : withContent(entry, segments);
}

/** The entry as it goes into the tree: its size is what was read, whatever was found before. */
function withContent(entry: FoundEntry, segments: Segment[] | undefined): TreeEntry {
  const { source: _, ...metadata } = entry;
  if (segments === undefined) return metadata;
  const size = segments.reduce((sum, { length }) => sum + length, 0);
  return { ...metadata, size, content: { inline: segments } };
}
