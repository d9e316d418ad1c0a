import { join } from 'node:path';
import { type Failure, orderedParallel, toFailure } from '@sealift/core';
import { type ChunkKeys, chunkKeysFromSecret, parseCompression } from '@sealift/crypto';
import type { Opened } from '@sealift/wire';
import type { BackupOptions, BackupOutcome, Sealing } from './backup-options.ts';
import { Dedup } from './dedup/dedup.ts';
import { ReferenceList } from './dedup/references.ts';
import { fail } from './failures.ts';
import { ProgressMeter } from './progress.ts';
import { findEntries } from './read/find-entries.ts';
import { openSources } from './read/open-sources.ts';
import { planWork } from './read/plan-work.ts';
import { type OnProblem, readWork } from './read/read-work.ts';
import { startSourceWorkers, storeWith } from './read/source-pool.ts';
import { BackupSession } from './transfer/backup-session.ts';
import { commitPoint, earlierOutcome, recordOf, storeBody } from './transfer/commit-point.ts';
import { holdLink } from './transfer/reconnecting-link.ts';
import { TreeAssembler } from './tree/tree-assembler.ts';
import { TreePagesWriter } from './tree/tree-writer.ts';

/**
 * One backup, from the walk of the sources to the committed recovery point. The link to the target is kept up beside
 * it; whatever ends one of the two ends the other.
 */
export async function runBackup(options: BackupOptions, signal: AbortSignal): Promise<BackupOutcome> {
  using meter = new ProgressMeter('reading', options.onProgress, options.onWarning);
  for (const note of options.notes ?? []) meter.note(note);
  const sealing = options.mode === 'source-side' ? await sealingOf(options) : undefined;
  const session = new BackupSession();
  const holding = holdSession(session, options, sealing, meter, signal);
  holding.catch((thrown) => session.fail(thrown));
  try {
    const opened = await session.opened();
    const outcome =
      opened.committed === undefined
        ? await backUp(options, sealing, session, opened, meter, signal)
        : await earlierOutcome(options, session, meter);
    session.finish();
    await holding;
    return outcome;
  } catch (thrown) {
    session.fail(thrown);
    throw thrown;
  } finally {
    session.finish();
  }
}

/** The data flow: walk | plan | read, chunk, dedup, compress, encrypt (in workers) | tree | commit. */
async function backUp(
  options: BackupOptions,
  sealing: Sealing | undefined,
  session: BackupSession,
  opened: Opened,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<BackupOutcome> {
  const startedAt = Date.now();
  const chunkKeys = sealing?.chunkKeys ?? repositoryKeys(opened);
  await using references = await ReferenceList.create(join(options.spool, `${options.runId}.references`));
  const dedup = new Dedup(session.ask.bind(session), (id) => references.append(id));
  await using pool = startSourceWorkers(
    options.workers,
    workerData(options, sealing, chunkKeys, meter),
    dedup,
    session,
    meter,
  );
  const store = storeWith(pool);

  const { idKey } = chunkKeys;
  const onLost = (failure: Failure) => session.fail(failure);
  await using sources = await openSources(options, { zone: opened.zone, idKey, onLost }, meter, signal);
  const { roots, notes, cache } = sources;
  const walked = findEntries({ roots, ...sources.order }, sources.opened, meter);
  const warn: OnProblem = (path, problem) => meter.warn({ path, ...problem });
  const results = orderedParallel(planWork(walked), options.workers * 3, (unit) =>
    readWork(unit, { pool, dedup, warn, roots, disks: notes.known }).catch(async (thrown) => {
      // Other units may be waiting for a bundle that this one was to make.
      dedup.fail(thrown);
      if (toFailure(thrown).code === 'changes-missed') await notes.forget();
      throw thrown;
    }),
  );
  const onPage = (id: Buffer, drawn: boolean) => cache.writer?.endPage(drawn ? id : undefined);
  const pages = new TreePagesWriter(store, chunkKeys.cutKey, onPage);
  const tree = new TreeAssembler(pages, store, cache.writer, (files, bytes) => {
    meter.add('filesUnchanged', files);
    meter.add('bytesUnchanged', bytes);
  });
  for await (const done of results) {
    signal.throwIfAborted();
    for (const result of done) {
      await notes.add(result);
      await tree.add(result);
    }
    meter.set('files', tree.totals.files);
  }

  sources.opened.check();
  meter.phase('committing');
  if (tree.empty) throw fail('nothing-to-back-up', `Nothing could be read of ${options.sources.join(', ')}.`);
  const finished = { roots, top: await tree.finish(), totals: tree.totals, startedAt };
  const body = await storeBody(finished, store, { warnings: meter.warnings, explanation: options.explanation });
  const committed = await commitPoint(options, sealing, session, opened, references, body);
  await cache.makeCurrent();
  await sources.opened.keep(notes);
  const failure = cache.failure ?? notes.failure;
  const cacheLost = failure === undefined ? {} : { cacheLost: failure };
  return { pointId: options.runId, ...committed, ...tree.totals, progress: meter.now(), ...cacheLost };
}

async function sealingOf(options: BackupOptions): Promise<Sealing> {
  if (options.keys === undefined) throw fail('keys-missing', 'A source-side backup was started without its keys.');
  const { keys, descriptor } = await options.keys();
  const run = keys.runs[0];
  if (run === undefined) throw fail('keys-missing', 'The Director sent no run key for this backup.');
  return { run, chunkKeys: keys, descriptor };
}

/** In-flight mode: ids and cuts are keyed by the repository, whose target recomputes every id. */
function repositoryKeys(opened: Opened): ChunkKeys {
  if (opened.chunkSecret === undefined) {
    throw fail('protocol-violation', 'The target did not send the chunk secret of its repository.');
  }
  return chunkKeysFromSecret(opened.chunkSecret);
}

function workerData(
  options: BackupOptions,
  sealing: Sealing | undefined,
  { idKey, cutKey }: ChunkKeys,
  { clock }: ProgressMeter,
) {
  const compression = parseCompression(options.compression);
  const settings = { chunkKeys: { idKey, cutKey }, compression, clock: clock.memory };
  return sealing === undefined ? settings : { ...settings, run: sealing.run };
}

function holdSession(
  session: BackupSession,
  options: BackupOptions,
  sealing: Sealing | undefined,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const { connect, runId, repositoryId, jobId } = options;
  const run = sealing === undefined ? {} : { run: recordOf(sealing.run) };
  return holdLink(
    session,
    {
      connect,
      open: { purpose: 'backup', runId, repositoryId, jobId, ...run },
      onSent: (bytes) => meter.add('bytesSent', bytes),
      clock: meter.clock,
      onLost: (failure) => {
        meter.add('reconnects', 1);
        options.onReconnect?.(failure);
      },
    },
    signal,
  );
}
