import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

/** Of `--unsealed`. */
export const UNSEALED_HELP =
  'in-flight points may leave encryption at rest, and lie in the clear where they are copied to';

interface Options extends WaitOptions {
  to: string;
  job?: string;
  point?: string;
  unsealed?: boolean;
}

export function addRepositoryCopy(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'copy <from>',
    describe: 'copy recovery points to another repository',
    examples: [
      'sealift repository copy main --to offsite --wait',
      'sealift repository copy main --to offsite --job www --wait',
      'sealift repository copy main --to offsite --point 0198c3f2-7d4e-7a11-9c55-0242ac120002 --wait',
    ],
    notes:
      'Copies points that never were in the other repository, the oldest first; only chunks that it lacks are sent: those with\n' +
      'source-side encryption as they are, those of in-flight mode sealed on the way, and sealed where they arrive if that\n' +
      'repository is encrypted at rest. 1024 points are copied a run, and further runs follow until all are there. A copy is\n' +
      'restored with `sealift point restore POINT --from REPOSITORY`, or without a Director with `sealift recover`. For copies\n' +
      'by schedule and rule: sealift copy create. With --wait the exit status is 3 when points are damaged and were left out.',
  })
    .requiredOption('--to <repository>', 'where to')
    .option('--job <name>', 'only the points of this job')
    .option('--point <id>', 'only this point')
    .option('--unsealed', UNSEALED_HELP)
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (from: string, { to, job, point, unsealed, ...options }: Options) => {
      const body = {
        to,
        ...(job === undefined ? {} : { job }),
        ...(point === undefined ? {} : { point }),
        ...(unsealed === undefined ? {} : { unsealed }),
      };
      const director = await openDirector(invocation);
      const run = await director.call('startCopy', { params: { id: from }, body }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
