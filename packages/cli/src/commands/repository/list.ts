import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatBytes } from '../../output/units.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addRepositoryList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list the repositories and how full they are',
    examples: ['sealift repository list', 'sealift repository list --json'],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const items = await allItems(await openDirector(invocation), 'listRepositories', {}, invocation.signal);
      const right = (title: string) => ({ title, align: 'right' as const });
      const columns = [
        { title: 'name' },
        { title: 'target' },
        right('points'),
        right('stored'),
        right('free'),
        { title: 'path' },
      ];
      printResult(invocation, json, { items }, () =>
        formatTable(
          columns,
          items.map(({ name, transporter, stats, path }) => [
            printable(name),
            printable(transporter.name),
            stats === undefined ? 'unknown' : String(stats.points),
            stats === undefined ? 'unknown' : formatBytes(stats.storedBytes),
            stats?.freeBytes === undefined ? 'unknown' : formatBytes(stats.freeBytes),
            printable(path),
          ]),
        ),
      );
    });
}
