import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

interface Options extends WaitOptions {
  apply?: boolean;
}

export function addRepositoryRepair(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'repair <name>',
    describe: 'tell what can be mended of what verifications have found, and mend it with --apply',
    examples: ['sealift repository repair main --wait', 'sealift repository repair main --apply --wait'],
    notes:
      'Without --apply nothing is changed. What is whole of a damaged pack is saved into a new one, what is lost is asked for\n' +
      'again by the next backup that has it, and a pack of which something is lost is set aside in the folder `damaged`. What is\n' +
      'lost of points that were copied to another repository is copied back from there. With\n' +
      '--wait the exit status is 0 when nothing is lost, 3 when recovery points or files stay damaged: each is named.',
  })
    .option('--apply', 'do it')
    .option('--dry-run', 'only tell, as without --apply')
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (name: string, { apply, dryRun, ...options }: Options & { dryRun?: boolean }) => {
      const director = await openDirector(invocation);
      const body = { dryRun: apply !== true || dryRun === true };
      const run = await director.call('startRepair', { params: { id: name }, body }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
