import type { RunResource } from '@sealift/wire';
import { harmless, printable } from './printable.ts';
import { reportFields } from './report.ts';
import { subjectName } from './subject.ts';
import { formatBytes, formatDuration, formatRate, formatTime } from './units.ts';

/** `name: value` lines, values one below the other. */
export function formatFields(fields: [name: string, value: string | undefined][]): string {
  const shown = fields.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length)) + 2;
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)}${value}\n`).join('');
}

/** Milliseconds from start to end, or to now. */
export function runTime(run: RunResource): number | undefined {
  if (run.startedAt === undefined) return undefined;
  const end = run.finishedAt === undefined ? Date.now() : Date.parse(run.finishedAt);
  return Math.max(0, end - Date.parse(run.startedAt));
}

/** `compress 2.1 s, read 340 ms`: seconds of threads, most first. */
function stageText(stages: Record<string, number> = {}): string | undefined {
  const spent = Object.entries(stages).toSorted(([, one], [, other]) => other - one);
  return spent.length === 0 ? undefined : spent.map(([stage, ms]) => `${stage} ${formatDuration(ms)}`).join(', ');
}

export function formatRun(run: RunResource): string {
  const time = runTime(run);
  const { progress } = run;
  const bytes = (value: number | undefined) => (value === undefined ? undefined : formatBytes(value));
  return formatFields([
    ['run', run.id],
    [run.job === undefined ? 'repository' : 'job', subjectName(run)],
    ['kind', run.kind],
    ['state', run.state],
    ['reason', run.reason === undefined ? undefined : harmless(run.reason)],
    ['transporter', printable(run.transporter.name)],
    ['attempt', String(run.attempt)],
    ['started', run.startedAt === undefined ? undefined : `${formatTime(run.startedAt)} UTC`],
    ['time', time === undefined ? undefined : formatDuration(time)],
    ['files', progress === undefined ? undefined : String(progress.files)],
    ['read', bytes(progress?.bytesRead)],
    ['unchanged', unchanged(progress)],
    ['new', bytes(progress?.bytesNew)],
    ['sent', bytes(progress?.bytesSent)],
    ['stored', bytes(progress?.bytesStored)],
    ['rate', progress === undefined || time === undefined ? undefined : formatRate(progress.bytesRead, time)],
    ['spent', stageText(progress?.stages)],
    ...(progress?.notes ?? []).map((note): [string, string] => ['note', harmless(note)]),
    ['warnings', String(run.warnings)],
    ['point', run.point],
    ...reportFields(run.report),
    [
      run.restore?.serve === true ? 'served at' : 'restored to',
      run.restore === undefined ? undefined : printable(run.restore.path),
    ],
    ['failure', run.failure === undefined ? undefined : `${harmless(run.failure.message)} (${run.failure.code})`],
  ]);
}

/** What did not have to be read. */
function unchanged(progress: RunResource['progress']): string | undefined {
  const { filesUnchanged, bytesUnchanged } = progress ?? {};
  if (filesUnchanged === undefined) return undefined;
  return `${filesUnchanged} files, ${formatBytes(bytesUnchanged ?? 0)}, not read`;
}
