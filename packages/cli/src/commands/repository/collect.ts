import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { rateField } from '../bandwidth.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

interface Options extends WaitOptions {
  dryRun?: boolean;
  bandwidth?: string;
  grace?: string;
}

export function addRepositoryCollect(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'collect <name>',
    describe: 'give back the space of what no recovery point needs any more',
    examples: [
      'sealift repository collect main --dry-run --wait',
      'sealift repository collect main --wait',
      'sealift repository collect main --bandwidth 20',
    ],
    notes:
      'Backups and restores go on meanwhile. What a backup stored or relied on within the last day stays, so space may come\n' +
      'back a day after points were removed; --grace 0 gives it back at once, but for what running backups need. A collection\n' +
      'that is cut off does no harm: the next one goes on with the rest.',
  })
    .option('--dry-run', 'only tell what would be freed')
    .option('--bandwidth <rate>', 'read and write at most so many MiB in a second, or with K, M or G')
    .option('--grace <hours>', 'keep for so long what backups that were cut off have stored; 24 unless told')
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (name: string, { dryRun, bandwidth, grace, ...options }: Options) => {
      const body = { dryRun: dryRun === true, ...rateField(bandwidth), ...graceOf(grace) };
      const director = await openDirector(invocation);
      const run = await director.call('startCollection', { params: { id: name }, body }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}

function graceOf(hours: string | undefined): { graceHours?: number } {
  if (hours === undefined) return {};
  const graceHours = Number(hours);
  if (!Number.isSafeInteger(graceHours) || graceHours < 0)
    throw fail('usage', `--grace must be a number of hours, not '${hours}'`);
  return { graceHours };
}
