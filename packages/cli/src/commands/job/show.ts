import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatJob } from '../../output/job.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <job>',
    describe: 'show one backup job',
    examples: ['sealift job show web', 'sealift job show web --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const job = await director.call('getJob', { params: { id } }, invocation.signal);
      printResult(invocation, json, job, () => formatJob(job));
    });
}
