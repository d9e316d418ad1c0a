import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { rateField } from '../bandwidth.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

interface Options extends WaitOptions {
  percent?: string;
  within?: string;
  bandwidth?: string;
}

export function addRepositoryVerify(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'verify <name>',
    describe: 'read a repository and compare everything in it with its checksums',
    examples: [
      'sealift repository verify main --wait',
      'sealift repository verify main --percent 5 --wait',
      'sealift repository verify main --within 30',
    ],
    notes:
      'With --wait the exit status is 0 when everything is whole, 3 when damage was found: each damaged file is named, and\n' +
      'the recovery points that it touches. Contents that were encrypted at their source are checked by `sealift job drill`.',
  })
    .option('--percent <number>', 'read so much of it, what was read longest ago first')
    .option('--within <days>', 'read as much as daily runs need to read all of it within so many days')
    .option('--bandwidth <rate>', 'read at most so many MiB in a second, or with K, M or G')
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const body = {
        ...numberField('percent', '--percent', options.percent),
        ...numberField('withinDays', '--within', options.within),
        ...rateField(options.bandwidth),
      };
      const director = await openDirector(invocation);
      const run = await director.call('startVerification', { params: { id: name }, body }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}

function numberField(field: string, option: string, text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw fail('usage', `${option} must be a number above 0, not '${text}'`);
  return { [field]: value };
}
