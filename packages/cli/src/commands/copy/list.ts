import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatTime } from '../../output/units.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { formatKeep } from '../job/keep.ts';

export function addCopyList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list the standing copies',
    examples: ['sealift copy list', 'sealift copy list --json'],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const items = await allItems(await openDirector(invocation), 'listCopies', {}, invocation.signal);
      printResult(invocation, json, { items }, () =>
        formatTable(
          ['name', 'from', 'to', 'keep', 'next run', 'late'].map((title) => ({ title })),
          items.map(({ name, from, to, keep, nextRunAt, lateSince }) => [
            printable(name),
            printable(from.name),
            printable(to.name),
            formatKeep(keep),
            nextRunAt === undefined ? '' : formatTime(nextRunAt),
            lateSince === undefined ? '' : `since ${formatTime(lateSince)}`,
          ]),
        ),
      );
    });
}
