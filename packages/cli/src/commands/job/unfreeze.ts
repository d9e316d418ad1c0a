import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobUnfreeze(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'unfreeze <job>',
    describe: 'let recovery points of a job be removed by its rule again, after a suspicious run was looked at',
    examples: ['sealift job unfreeze web'],
    notes: 'sealift job show JOB tells since when and why it is frozen.',
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const job = await director.call('unfreezeJob', { params: { id } }, invocation.signal);
      printResult(
        invocation,
        json,
        job,
        () => `${printable(job.name)}: recovery points are removed by its rule again\n`,
      );
    });
}
