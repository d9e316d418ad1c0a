import type { Command } from 'commander';
import { formatCopy } from '../../output/copy.ts';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { KEEP_HELP, type KeepOptions, keepChanges, SCHEDULE_HELP } from '../job/keep.ts';

interface Options extends KeepOptions {
  json?: boolean;
}

export function addCopyUpdate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'update <copy>',
    describe: 'change when a standing copy runs, and how long its copies are kept',
    examples: [
      'sealift copy update nightly --keep daily=60,yearly=10',
      "sealift copy update nightly --schedule '@daily'",
    ],
    notes: 'See first what a rule would remove: sealift copy retention COPY --keep RULE.',
  })
    .option('--schedule <cron>', SCHEDULE_HELP)
    .option('--keep <rule>', KEEP_HELP)
    .option('--immutable <days>', 'have the target of the copies lock each new one for so many days; 0: not')
    .option('--yes', 'the rule is meant, even if it leaves hardly more than the newest copy')
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const body = keepChanges(options);
      const director = await openDirector(invocation);
      const copy = await director.call('updateCopy', { params: { id }, body }, invocation.signal);
      printResult(invocation, options.json, copy, () => formatCopy(copy));
    });
}
