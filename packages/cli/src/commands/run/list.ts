import type { RunResource } from '@sealift/wire';
import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { printResult } from '../../output/document.ts';
import { runTime } from '../../output/run.ts';
import { subjectName } from '../../output/subject.ts';
import { formatTable } from '../../output/table.ts';
import { formatBytes, formatDuration, formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';

interface Options {
  job?: string;
  repository?: string;
  state?: RunResource['state'];
  last: string;
  json?: boolean;
}

export function addRunList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list runs, newest first',
    examples: ['sealift run list', 'sealift run list --job web --state failed', 'sealift run list --last 500 --json'],
  })
    .option('--job <name>', 'only of this job')
    .option('--repository <name>', 'only tasks on this repository')
    .addOption(
      choice('--state <state>', 'only in this state', ['queued', 'running', 'done', 'warnings', 'failed', 'cancelled']),
    )
    .option('--last <number>', 'how many at most', '50')
    .addOption(jsonOption())
    .action(async ({ last, json, ...filter }: Options) => {
      const most = Number(last);
      if (!Number.isSafeInteger(most) || most < 1)
        throw fail('usage', `--last must be a number above 0, not '${last}'`);
      const director = await openDirector(invocation);
      const items: RunResource[] = [];
      for await (const run of director.list('listRuns', { query: queryOf(filter) }, invocation.signal)) {
        if (items.push(run) >= most) break;
      }
      printResult(invocation, json, { items }, () => formatRuns(items));
    });
}

function queryOf({ job, repository, state }: Omit<Options, 'last' | 'json'>) {
  return {
    ...(job === undefined ? {} : { job }),
    ...(repository === undefined ? {} : { repository }),
    ...(state === undefined ? {} : { state }),
  };
}

function formatRuns(runs: RunResource[]): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    ...['run', 'job or repository', 'kind', 'state', 'started'].map((title) => ({ title })),
    ...['time', 'read', 'sent', 'warnings'].map(right),
  ];
  const cells = runs.map((run) => {
    const time = runTime(run);
    return [
      run.id,
      subjectName(run),
      run.kind,
      run.state,
      run.startedAt === undefined ? '-' : formatTime(run.startedAt),
      time === undefined ? '-' : formatDuration(time),
      run.progress === undefined ? '-' : formatBytes(run.progress.bytesRead),
      run.progress === undefined ? '-' : formatBytes(run.progress.bytesSent),
      String(run.warnings),
    ];
  });
  return formatTable(columns, cells);
}
