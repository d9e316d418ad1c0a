import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addRunCancel(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'cancel <run>',
    describe: 'end a run; no recovery point is made of it',
    examples: ['sealift run cancel 0198c3f2-7d4e-7a11-9c55-0242ac120002'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const run = await director.call('cancelRun', { params: { id } }, invocation.signal);
      printResult(invocation, json, run, () => `${run.id} ${run.state}\n`);
    });
}
