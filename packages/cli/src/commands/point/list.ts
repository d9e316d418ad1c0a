import type { PointResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatBytes, formatTime } from '../../output/units.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPointList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list recovery points, newest first',
    examples: ['sealift point list', 'sealift point list --job web --json'],
  })
    .option('--job <name>', 'only of this job')
    .addOption(jsonOption())
    .action(async ({ job, json }: { job?: string; json?: boolean }) => {
      const query = job === undefined ? {} : { job };
      const items = await allItems(await openDirector(invocation), 'listPoints', { query }, invocation.signal);
      const right = (title: string) => ({ title, align: 'right' as const });
      const columns = [
        ...['point', 'job', 'made', 'encryption', 'repository'].map((title) => ({ title })),
        right('files'),
        right('size'),
        { title: 'kept' },
      ];
      printResult(invocation, json, { items }, () =>
        formatTable(
          columns,
          items.map((point) => [
            point.id,
            printable(point.job.name),
            formatTime(point.createdAt),
            point.mode,
            printable(point.repository.name),
            point.files === undefined ? 'unknown' : String(point.files),
            point.bytes === undefined ? 'unknown' : formatBytes(point.bytes),
            keptBy(point),
          ]),
        ),
      );
    });
}

/** What keeps it from being removed, or that it is gone. */
function keptBy({ lockedUntil, hold, missingSince }: PointResource): string {
  const bonds = [
    ...(missingSince === undefined ? [] : ['missing at the target']),
    ...(hold === undefined ? [] : [`held: ${harmless(hold.reason)}`]),
    ...(lockedUntil === undefined || Date.parse(lockedUntil) <= Date.now()
      ? []
      : [`locked until ${formatTime(lockedUntil)}`]),
  ];
  return bonds.join('; ');
}
