import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatJob } from '../../output/job.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobPause(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'pause <job>',
    describe: 'begin no more runs of a job by its schedule',
    examples: ['sealift job pause web'],
    notes: 'It can still be run by hand: sealift job run.',
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const job = await director.call('pauseJob', { params: { id } }, invocation.signal);
      printResult(invocation, json, job, () => formatJob(job));
    });
}
