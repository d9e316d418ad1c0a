import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { KEEP_HELP, parseDays, parseKeep, SCHEDULE_HELP } from '../job/keep.ts';
import { UNSEALED_HELP } from '../repository/copy.ts';

interface Options {
  from: string;
  to: string;
  job?: string[];
  schedule?: string;
  keep?: string;
  immutable?: string;
  unsealed?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addCopyCreate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'create <name>',
    describe: 'have recovery points copied to another repository, again and again, with a retention of their own',
    examples: [
      "sealift copy create nightly --from main --to offsite --schedule '0 4 * * *' --keep daily=30,monthly=24",
      'sealift copy create films --from main --to offsite --job films --job photos --immutable 90',
    ],
    notes:
      'Each run brings over the points that were never at the other repository and that the rule would keep there. The rule\n' +
      'counts a copy by the time at which its original was received. It is applied after each run and once a day, removes\n' +
      'copies alone, and never the newest; the originals follow the rule of their job. Without --keep every copy stays.',
  })
    .requiredOption('--from <repository>', 'where the points are')
    .requiredOption('--to <repository>', 'where to')
    .option('--job <name...>', 'only the points of these jobs')
    .option('--schedule <cron>', SCHEDULE_HELP)
    .option('--keep <rule>', KEEP_HELP)
    .option('--immutable <days>', 'have the target of the copies lock each new one for so many days')
    .option('--unsealed', UNSEALED_HELP)
    .option('--yes', 'the rule is meant, even if it keeps hardly anything')
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const director = await openDirector(invocation);
      const made = await director.call('createCopy', { body: requestOf(name, options) }, invocation.signal);
      printResult(invocation, options.json, made, () => `${made.id}\n`);
    });
}

function requestOf(name: string, { from, to, job, schedule, keep, immutable, unsealed, yes }: Options) {
  const rule = keep === undefined ? null : parseKeep(keep);
  return {
    ...{ name, from, to },
    ...(job === undefined ? {} : { jobs: job }),
    ...(schedule === undefined || schedule === 'none' ? {} : { schedule }),
    ...(rule === null ? {} : { keep: rule }),
    ...(immutable === undefined ? {} : { immutableDays: parseDays('--immutable', immutable) }),
    ...(unsealed === undefined ? {} : { unsealed }),
    ...(yes === undefined ? {} : { confirm: yes }),
  };
}
