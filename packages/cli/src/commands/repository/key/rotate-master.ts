import type { Command } from 'commander';
import { openDirector } from '../../../session/director.ts';
import type { Invocation } from '../../../session/host.ts';
import { defineCommand, jsonOption } from '../../define.ts';
import { finishRun, type WaitOptions } from '../../finish-run.ts';

export function addKeyRotateMaster(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'rotate-master <repository>',
    describe: 'make a new master key, and seal everything anew under it',
    examples: ['sealift repository key rotate-master main --wait'],
    notes:
      'For when a key of a slot that was removed, or the memory of the target, may be in wrong hands: what is written from now\n' +
      'on is out of their reach at once, and the rest when it is done. Backups and restores go on meanwhile; cut off, it goes on\n' +
      'where it was.',
  })
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (repository: string, options: WaitOptions) => {
      const director = await openDirector(invocation);
      const params = { id: repository };
      const run = await director.call('startMasterKeyRotation', { params, body: {} }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
