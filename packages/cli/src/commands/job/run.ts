import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

export function addJobRun(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'run <job>',
    describe: 'back up now',
    examples: ['sealift job run web --wait', 'sealift job run web --json | jq -r .id'],
    notes: 'With --wait the exit status is that of the run: 0 done, 3 with warnings, 1 failed or cancelled.',
  })
    .option('--wait', 'wait for the end of the run')
    .addOption(jsonOption())
    .action(async (job: string, options: WaitOptions) => {
      const director = await openDirector(invocation);
      const run = await director.call('startRun', { params: { id: job } }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
