import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatRun } from '../../output/run.ts';
import { openDirector } from '../../session/director.ts';
import { tellProblems } from '../../session/follow-run.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addRunShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <run>',
    describe: 'show one run, with every file it had to warn about',
    examples: ['sealift run show 0198c3f2-7d4e-7a11-9c55-0242ac120002'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const run = await director.call('getRun', { params: { id } }, invocation.signal);
      printResult(invocation, json, run, () => formatRun(run));
      await tellProblems(invocation, director, run);
    });
}
