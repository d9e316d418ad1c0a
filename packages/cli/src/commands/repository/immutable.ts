import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { confirm } from '../../session/confirm.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { parseDays } from '../job/keep.ts';

interface Options {
  days: string;
  yes?: boolean;
  json?: boolean;
}

export function addRepositoryImmutable(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'immutable <name>',
    describe: 'have the target lock every new recovery point of a repository for so many days at least',
    examples: ['sealift repository immutable main --days 30 --yes'],
    notes:
      'The period is kept in the repository. It can be lengthened and never shortened, by nobody who commands the\n' +
      'Director either: the only way back is another repository.',
  })
    .requiredOption('--days <number>', 'days from the receipt of each recovery point, at most 3653')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, { days, yes, json }: Options) => {
      const body = { days: parseDays('--days', days) };
      await confirm(invocation, `Lock each new recovery point for ${body.days} days? Nobody can take that back.`, yes);
      const director = await openDirector(invocation);
      const locked = await director.call('lockRepository', { params: { id }, body }, invocation.signal);
      const name = printable(locked.name);
      printResult(invocation, json, locked, () => `new recovery points in ${name} are locked for ${body.days} days\n`);
    });
}
