import type { RunResource, WarningResource } from '@sealift/wire';
import { fail } from '../failures.ts';
import { printable } from '../output/printable.ts';
import { runTime } from '../output/run.ts';
import { subjectName } from '../output/subject.ts';
import { allItems } from '../session/director.ts';
import { followRun, tellProblems } from '../session/follow-run.ts';
import { type Invocation, say } from '../session/host.ts';
import { compareInWorker } from './comparison.ts';
import type { UpFolder } from './data-folder.ts';
import { removeTree } from './remove-tree.ts';
import type { Measured } from './report.ts';
import { type DemoMode, MODES } from './set-up.ts';
import { placesInside, restoredPlaces } from './sources.ts';
import type { Stage } from './stage.ts';

const RUNS_IN_EACH_MODE = 2;
/** File systems stamp changes by a clock that may lag by some milliseconds. */
const CLOCK_LAG = 50;
/** Warnings about files in use, and about sockets, which are never kept: nothing is wrong with the backup. */
const HARMLESS = new Set(['changed', 'vanished', 'socket']);

export interface Rounds {
  stage: Stage;
  folder: UpFolder;
  sources: string[];
  /** What the demonstration writes to: not part of the comparison. */
  ownPlaces: string[];
  jobs: Record<DemoMode, string>;
}

/** Backs up twice in each mode, and after each backup restores it and compares. */
export async function runRounds(invocation: Invocation, rounds: Rounds): Promise<Measured[]> {
  const rows: Measured[] = [];
  for (const mode of MODES) {
    for (let run = 1; run <= RUNS_IN_EACH_MODE; run++) {
      say(invocation, `${mode}, run ${run}: backing up`);
      const since = Date.now() - CLOCK_LAG;
      const backup = await runJob(invocation, rounds, mode);
      say(invocation, `${mode}, run ${run}: restoring and comparing`);
      const warnings = await warningsOf(rounds.stage, backup);
      const left = warnings.map(latin1Path);
      const identical = await comesBack(invocation, rounds, { backup, since, left });
      const unreadable = warnings.some((warning) => !HARMLESS.has(warning.code));
      rows.push({ mode, run, ...figuresOf(backup), unreadable, identical });
    }
  }
  return rows;
}

async function runJob(invocation: Invocation, { stage, jobs }: Rounds, mode: DemoMode): Promise<RunResource> {
  const started = await stage.director.call('startRun', { params: { id: jobs[mode] } }, stage.signal);
  return await endOf(invocation, stage, started);
}

async function endOf(invocation: Invocation, stage: Stage, started: RunResource): Promise<RunResource> {
  const run = await followRun(invocation, stage.director, started.id);
  await tellProblems(invocation, stage.director, run);
  if (run.state === 'done' || run.state === 'warnings') return run;
  throw fail('run-failed', `the ${run.kind} ${run.id} of ${subjectName(run)} ended as ${run.state}`);
}

/** What is needed to judge whether a backup comes back as it went. */
interface Proof {
  backup: RunResource;
  /** When it began, ms since 1970. */
  since: number;
  /** Absolute paths, latin1, that it could not read, or not whole: each was named, none can come back the same. */
  left: string[];
}

/** Restores a point into a folder of its own, compares it with the sources, and removes it. */
async function comesBack(invocation: Invocation, rounds: Rounds, proof: Proof): Promise<boolean> {
  const { stage, folder } = rounds;
  const path = await folder.restoreFolder();
  try {
    const id = proof.backup.point ?? proof.backup.id;
    const body = { transporter: 'source', path, overwrite: 'never' as const };
    const queued = await stage.director.call('restorePoint', { params: { id }, body }, stage.signal);
    await endOf(invocation, stage, queued);
    return await isIdentical(invocation, rounds, proof, path);
  } finally {
    await removeTree(path);
  }
}

async function isIdentical(invocation: Invocation, rounds: Rounds, proof: Proof, folder: string): Promise<boolean> {
  const { stage, sources, ownPlaces } = rounds;
  let identical = true;
  for (const { source, restored } of restoredPlaces(folder, sources)) {
    const leftOut = placesInside(latin1(source), [...ownPlaces.map(latin1), ...proof.left]);
    const result = await compareInWorker({ source, restored, leftOut, since: proof.since }, stage.signal);
    for (const line of result.differences) say(invocation, `DIFFERENT: ${printable(line)}`);
    if (result.ownersKept > 0) {
      say(invocation, `${result.ownersKept} owners did not come back: only root can give files away`);
    }
    if (result.changedSince > 0) {
      say(invocation, `${result.changedSince} entries of ${printable(source)} changed meanwhile and were not compared`);
    }
    identical &&= result.count === 0;
  }
  return identical;
}

/** One character a byte: paths need not be UTF-8. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function latin1Path({ path, pathBytes }: WarningResource): string {
  return pathBytes === undefined ? latin1(path) : Buffer.from(pathBytes, 'base64url').toString('latin1');
}

async function warningsOf({ director, signal }: Stage, backup: RunResource): Promise<WarningResource[]> {
  if (backup.warnings === 0) return [];
  return await allItems(director, 'listWarnings', { params: { id: backup.id } }, signal);
}

function figuresOf(backup: RunResource) {
  const { progress } = backup;
  return {
    runId: backup.id,
    pointId: backup.point ?? backup.id,
    bytesRead: progress?.bytesRead ?? 0,
    bytesNew: progress?.bytesNew ?? 0,
    bytesSent: progress?.bytesSent ?? 0,
    bytesStored: progress?.bytesStored ?? 0,
    milliseconds: runTime(backup) ?? 0,
  };
}
