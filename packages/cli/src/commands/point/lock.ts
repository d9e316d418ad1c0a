import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatTime } from '../../output/units.ts';
import { confirm } from '../../session/confirm.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { parseDays } from '../job/keep.ts';
import { placeQuery } from './place-query.ts';

const DAY = 24 * 3_600_000;

interface Options {
  days: string;
  from?: string;
  yes?: boolean;
  json?: boolean;
}

export function addPointLock(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'lock <point>',
    describe: 'have the target keep a recovery point for so many days from now, whoever wants to remove it',
    examples: ['sealift point lock 0198c3f2-7d4e-7a11-9c55-0242ac120002 --days 365 --yes'],
    notes: 'This cannot be taken back or shortened, only extended. The target judges by its own clock.',
  })
    .requiredOption('--days <number>', 'days from now')
    .option('--from <repository>', 'mean the copy in this repository, not the original')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, { days, from, yes, json }: Options) => {
      const until = new Date(Date.now() + parseDays('--days', days) * DAY);
      await confirm(invocation, `Lock it until ${formatTime(until.getTime())} UTC? Nobody can take that back.`, yes);
      const director = await openDirector(invocation);
      const body = { until: until.toISOString() };
      const point = await director.call(
        'lockPoint',
        { params: { id }, query: placeQuery(from), body },
        invocation.signal,
      );
      printResult(
        invocation,
        json,
        point,
        () => `${point.id} is locked until ${formatTime(point.lockedUntil ?? 0)} UTC\n`,
      );
    });
}
