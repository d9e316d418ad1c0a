import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Failure, toFailure } from '@sealift/core';
import type { ReadingRules } from '@sealift/wire';
import { Type } from 'typebox';
import { removeDurably } from '../storage/durable-file.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';
import { findHook } from './find-hook.ts';
import { runHook } from './run-hook.ts';

/** Longest time a hook takes where the job says nothing, s. */
const DEFAULT_SECONDS = 300;

export interface HookPlace {
  /** Where the administrator of this machine has put the programs. */
  hooks: string;
  /** Notes of hooks that are still to be run, whatever becomes of this process. */
  pendingHooks: string;
}

export interface HookSubject {
  jobId: string;
  jobName: string;
  runId: string;
}

/** What the hooks of a run have to say about themselves. */
export interface HookTold {
  note(text: string): void;
  /** The hook after the run has failed; the run stands. */
  failed(path: string, failure: Failure): void;
}

const Pending = Type.Object({
  jobId: Type.String(),
  jobName: Type.String(),
  runId: Type.String(),
  after: Type.String(),
  seconds: Type.Integer({ minimum: 1 }),
});

/**
 * Runs `work` between the hooks of a job. Without the first one nothing is begun. The second one runs whatever came of the
 * first and of the work, also when the run was cancelled; after a crash, at the next start.
 *
 * @throws Failure `hook-unfit`, `hook-failed` of the first one; what `work` throws
 */
export async function withHooks<T>(
  subject: HookSubject,
  rules: ReadingRules,
  place: HookPlace,
  told: HookTold,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { before, after, hookSeconds = DEFAULT_SECONDS } = rules;
  // Both are looked for before either is run.
  const first = before ? await findHook(place.hooks, before) : undefined;
  const second = after ? await findHook(place.hooks, after) : undefined;
  const limit = hookSeconds * 1000;
  const pending = second === undefined ? undefined : await notePending(place, subject, second, hookSeconds);
  let outcome = 'failed';
  try {
    if (first !== undefined) {
      const took = await runHook({ path: first, limit, environment: environmentOf(subject, 'before') }, signal);
      told.note(`The command before the run, ${before}, took ${(took / 1000).toFixed(1)} s.`);
    }
    const result = await work();
    outcome = 'done';
    return result;
  } finally {
    if (second !== undefined) {
      await runAfter({ path: second, limit, environment: environmentOf(subject, 'after', outcome) }, told);
    }
    if (pending !== undefined) await removeDurably(pending);
  }
}

async function runAfter(run: Parameters<typeof runHook>[0], told: HookTold): Promise<void> {
  try {
    const took = await runHook(run);
    told.note(`The command after the run, ${basename(run.path)}, took ${(took / 1000).toFixed(1)} s.`);
  } catch (thrown) {
    told.failed(run.path, toFailure(thrown));
  }
}

async function notePending(place: HookPlace, subject: HookSubject, path: string, seconds: number): Promise<string> {
  await mkdir(place.pendingHooks, { recursive: true, mode: 0o700 });
  const note = join(place.pendingHooks, `${randomUUID()}.json`);
  const { jobId, jobName, runId } = subject;
  await writeJsonFile(note, { jobId, jobName, runId, after: basename(path), seconds });
  return note;
}

/** Runs the second hooks of runs that a crash has ended. */
export async function runPendingHooks(place: HookPlace, told: HookTold): Promise<void> {
  const names = await readdir(place.pendingHooks).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [];
    throw thrown;
  });
  for (const name of names.filter((one) => one.endsWith('.json'))) {
    const note = join(place.pendingHooks, name);
    try {
      const pending = await readJsonFile(note, Pending);
      if (pending === undefined) continue;
      const { after, seconds, ...subject } = pending;
      const path = await findHook(place.hooks, after);
      await runAfter({ path, limit: seconds * 1000, environment: environmentOf(subject, 'after', 'failed') }, told);
    } catch (thrown) {
      told.failed(note, toFailure(thrown));
    }
    await removeDurably(note);
  }
}

function environmentOf({ jobId, jobName, runId }: HookSubject, phase: string, outcome?: string) {
  const told = { SEALIFT_PHASE: phase, SEALIFT_JOB: jobName, SEALIFT_JOB_ID: jobId, SEALIFT_RUN_ID: runId };
  return outcome === undefined ? told : { ...told, SEALIFT_OUTCOME: outcome };
}
