import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

export function addCopyRun(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'run <copy>',
    describe: 'run a standing copy now',
    examples: ['sealift copy run nightly --wait'],
    notes: 'With --wait the exit status is 3 when points were left behind; each is named, with the reason.',
  })
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (id: string, options: WaitOptions) => {
      const director = await openDirector(invocation);
      const run = await director.call('runCopy', { params: { id } }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
