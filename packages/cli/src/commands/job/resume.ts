import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatJob } from '../../output/job.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobResume(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'resume <job>',
    describe: 'let runs of a job begin by its schedule again',
    examples: ['sealift job resume web'],
    notes: 'What was due meanwhile is not made up for.',
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const job = await director.call('resumeJob', { params: { id } }, invocation.signal);
      printResult(invocation, json, job, () => formatJob(job));
    });
}
