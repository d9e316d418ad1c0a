import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatJob } from '../../output/job.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { BANDWIDTH_HELP, BANDWIDTH_NOTES, parseLimit } from '../bandwidth.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { KEEP_HELP, type KeepOptions, keepChanges, SCHEDULE_HELP } from './keep.ts';
import { addReadingOptions, type ReadingOptions, readingFields } from './reading.ts';

interface Options extends KeepOptions, ReadingOptions {
  bandwidth?: string;
  json?: boolean;
}

export function addJobUpdate(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'update <job>',
    describe: 'change when a job runs, how it reads, what its links carry, and how long its recovery points are kept',
    examples: [
      'sealift job update web --keep last=3,daily=7,weekly=4,monthly=12,yearly=3',
      'sealift job update web --keep all',
      "sealift job update web --schedule '0 */4 * * 1-5'",
      'sealift job update web --immutable 30',
      "sealift job update web --bandwidth '20M; mon-fri 08:00-18:00 2M'",
      'sealift job update web --exclude-caches --no-one-file-system',
    ],
    notes:
      'See first what a rule would remove: sealift job retention JOB --keep RULE. It is applied after each run that\n' +
      'made a recovery point, and once a day. --immutable counts for the recovery points that are made from now on;\n' +
      'the lock of those there are can only be lengthened: sealift point lock.\n' +
      BANDWIDTH_NOTES,
  });
  addReadingOptions(command)
    .option('--bandwidth <limit>', BANDWIDTH_HELP)
    .option('--schedule <cron>', SCHEDULE_HELP)
    .option('--keep <rule>', KEEP_HELP)
    .option('--immutable <days>', 'have the target lock each new recovery point for so many days; 0: not')
    .option('--yes', 'the rule is meant, even if it leaves hardly more than the newest recovery point')
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const body = changesOf(options);
      const director = await openDirector(invocation);
      const job = await director.call('updateJob', { params: { id }, body }, invocation.signal);
      printResult(invocation, options.json, job, () => formatJob(job));
    });
}

function changesOf(options: Options) {
  const { bandwidth } = options;
  const limit = bandwidth === undefined ? {} : { bandwidth: parseLimit(bandwidth) };
  return keepChanges(options, { ...readingFields(options), ...limit });
}
