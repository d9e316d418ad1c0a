import { type Failure, orderedParallel } from '@sealift/core';
import { type RunRecord, uuidText } from '@sealift/crypto';
import type { PointCopy } from '@sealift/repository';
import type { Link, Open } from '@sealift/wire';
import { fail } from './failures.ts';
import { BackupSession } from './transfer/backup-session.ts';
import { holdLink } from './transfer/reconnecting-link.ts';

export interface CopyOptions {
  point: PointCopy;
  /** Where it is copied to. */
  repositoryId: string;
  /** Dials the target of that repository with a fresh ticket for this point. */
  connect: (signal: AbortSignal) => Promise<Link>;
  /** Told how much was sent since the last call. */
  onSent: (sent: { bytes: number }) => void;
  /** Told of each chunk that the other repository lacked. */
  onChunk: (chunk: { bytes: number }) => void;
  onReconnect: (failure: Failure) => void;
}

export interface Copied {
  /** An earlier attempt had brought it over whole. */
  wasThere: boolean;
  /** ms, by the clock of the other target; by this one when it was there. */
  receivedAt: number;
}

/** Questions on their way at once, of at most 4096 ids each. */
const QUESTIONS = 2;
const READ_AHEAD = 8;

/**
 * Brings a recovery point into another repository, unchanged: first the chunks that are not there; those of a source-side
 * point run by run, for a session stores under one run; then the reference list and the point itself. What an earlier attempt has brought over is
 * found by asking, and not sent again. Memory: a window of chunks and a few questions, whatever the size of the point.
 *
 * @throws Failure `not-permitted`, `chunk-missing`, `chunk-damaged`, and what the other target refuses
 */
export async function copyPoint(options: CopyOptions, signal: AbortSignal): Promise<Copied> {
  const { point } = options;
  return await withSession(options, ownOf(point), signal, async (main) => {
    const { committed } = await main.opened();
    if (committed !== undefined) {
      if (committed.equals(point.hash)) return { wasThere: true, receivedAt: Date.now() };
      throw fail('point-substituted', `The other repository holds another recovery point ${point.pointId}.`);
    }
    // The main session stays open throughout: what was found present is kept for as long as it lasts.
    if (point.by.mode === 'in-flight') await bring(options, main, point.references());
    else await bringRuns(options, main, point.by, signal);
    const references = { batches: () => point.references(), summary: async () => point.summary };
    const { receivedAt } = await main.commit(references, () => point.manifest);
    return { wasThere: false, receivedAt };
  });
}

type SealedBySource = Extract<PointCopy['by'], { mode: 'source-side' }>;

async function bringRuns(
  options: CopyOptions,
  main: BackupSession,
  sealed: SealedBySource,
  signal: AbortSignal,
): Promise<void> {
  for (const run of await survey(options, main, sealed)) {
    await withSession(options, { run }, signal, async (session) => {
      const ids = idsOf(options, (id) => sameRun(sealed.runOf(id), run));
      await bring(options, session, ids);
      await session.drained();
    });
  }
}

/** Brings what the run of the point itself has sealed. @returns the other runs of which something is lacking */
async function survey(options: CopyOptions, main: BackupSession, { run: own, runOf }: SealedBySource) {
  const others = new Map<string, RunRecord>();
  const ownOnly = (id: Buffer) => {
    const run = runOf(id);
    if (sameRun(run, own)) return true;
    others.set(run.runSalt.toString('hex'), run);
    return false;
  };
  await bring(options, main, options.point.references(), ownOnly);
  return [...others.values()];
}

async function bring(
  { point, onChunk }: CopyOptions,
  session: BackupSession,
  batches: AsyncIterable<Buffer>,
  chosen: (id: Buffer) => boolean = () => true,
): Promise<void> {
  const lacking = orderedParallel(batches, QUESTIONS, (ids) => lackingOf(session, ids));
  const wanted = (async function* () {
    for await (const ids of lacking) yield* ids.filter(chosen);
  })();
  for await (const chunk of orderedParallel(wanted, READ_AHEAD, (id) => point.read(id))) {
    const bytes = chunk.body.length;
    await session.put(chunk);
    onChunk({ bytes });
  }
}

/** Each id once, however often the batch names it. */
async function lackingOf(session: BackupSession, ids: Buffer): Promise<Buffer[]> {
  const answers = await session.ask(ids);
  const lacking = new Map<string, Buffer>();
  for (const [i, { state }] of answers.entries()) {
    const id = ids.subarray(i * 32, i * 32 + 32);
    if (state !== 'chunk') lacking.set(id.toString('hex'), id);
  }
  return [...lacking.values()];
}

/** The ids that the point refers to and of which `chosen` is true, as many at a time as fit into one question. */
async function* idsOf({ point }: CopyOptions, chosen: (id: Buffer) => boolean): AsyncGenerator<Buffer> {
  for await (const ids of point.references()) {
    const some = Array.from({ length: ids.length / 32 }, (_, i) => ids.subarray(i * 32, i * 32 + 32)).filter(chosen);
    if (some.length > 0) yield Buffer.concat(some);
  }
}

async function withSession<T>(
  { point, repositoryId, connect, onSent, onReconnect }: CopyOptions,
  by: Pick<Open, 'run' | 'zone'>,
  signal: AbortSignal,
  work: (session: BackupSession) => Promise<T>,
): Promise<T> {
  const session = new BackupSession();
  const open = { purpose: 'copy' as const, runId: point.pointId, jobId: point.jobId, repositoryId, ...by };
  const options = { connect, open, onSent: (bytes: number) => onSent({ bytes }), onLost: onReconnect };
  const holding = holdLink(session, options, signal);
  holding.catch((thrown) => session.fail(thrown));
  try {
    const result = await work(session);
    session.finish();
    await holding;
    return result;
  } catch (thrown) {
    session.fail(thrown);
    throw thrown;
  } finally {
    session.finish();
  }
}

/** What the session is opened with in which the point is committed. */
function ownOf({ by }: PointCopy): Pick<Open, 'run' | 'zone'> {
  if (by.mode === 'source-side') return { run: by.run };
  return { zone: { id: uuidText(by.zone), dedupSecret: by.dedupSecret } };
}

function sameRun(one: RunRecord, other: RunRecord): boolean {
  return one.runSalt.equals(other.runSalt);
}
