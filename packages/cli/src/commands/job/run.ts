import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';
import { type PasswordOptions, withPassword } from '../with-password.ts';

export function addJobRun(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'run <job>',
    describe: 'back up now',
    examples: ['sealift job run web --wait', 'sealift job run web --json | jq -r .id'],
    notes: 'With --wait the exit status is that of the run: 0 done, 3 with warnings, 1 failed or cancelled.',
  })
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .option('--wait', 'wait for the end of the run')
    .addOption(jsonOption())
    .action(async (job: string, options: WaitOptions & PasswordOptions) => {
      const director = await openDirector(invocation);
      const run = await director.call('startRun', { params: { id: job } }, invocation.signal);
      await finishRun(invocation, director, await withPassword(invocation, director, run, options), options);
    });
}
