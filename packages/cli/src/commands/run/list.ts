import type { RunResource } from '@sealift/wire';
import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { runTime } from '../../output/run.ts';
import { formatTable } from '../../output/table.ts';
import { formatBytes, formatDuration, formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';

interface Options {
  job?: string;
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
    .addOption(
      choice('--state <state>', 'only in this state', ['queued', 'running', 'done', 'warnings', 'failed', 'cancelled']),
    )
    .option('--last <number>', 'how many at most', '50')
    .addOption(jsonOption())
    .action(async ({ job, state, last, json }: Options) => {
      const most = Number(last);
      if (!Number.isSafeInteger(most) || most < 1)
        throw fail('usage', `--last must be a number above 0, not '${last}'`);
      const query = { ...(job === undefined ? {} : { job }), ...(state === undefined ? {} : { state }) };
      const director = await openDirector(invocation);
      const items: RunResource[] = [];
      for await (const run of director.list('listRuns', { query }, invocation.signal)) {
        if (items.push(run) >= most) break;
      }
      printResult(invocation, json, { items }, () => formatRuns(items));
    });
}

function formatRuns(runs: RunResource[]): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    ...['run', 'job', 'kind', 'state', 'started'].map((title) => ({ title })),
    ...['time', 'read', 'sent', 'warnings'].map(right),
  ];
  const cells = runs.map((run) => {
    const time = runTime(run);
    return [
      run.id,
      printable(run.job.name),
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
