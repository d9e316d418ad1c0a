import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';

interface Options extends WaitOptions {
  to: string;
  job?: string;
  point?: string;
}

export function addRepositoryCopy(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'copy <from>',
    describe: 'copy recovery points to another repository, as they are stored',
    examples: [
      'sealift repository copy main --to offsite --wait',
      'sealift repository copy main --to offsite --job www --wait',
      'sealift repository copy main --to offsite --point 0198c3f2-7d4e-7a11-9c55-0242ac120002 --wait',
    ],
    notes:
      'Copies points with source-side encryption that never were in the other repository, the oldest first; only chunks that it\n' +
      'lacks are sent, still encrypted. 1024 points are copied a run, and further runs follow until all are there. Points of\n' +
      'in-flight mode are left out. A copy is restored with `sealift point restore POINT --from REPOSITORY`, or without a\n' +
      'Director with `sealift recover` and the password. For copies by schedule and rule: sealift copy create. With --wait the\n' +
      'exit status is 3 when points are damaged and were left out.',
  })
    .requiredOption('--to <repository>', 'where to')
    .option('--job <name>', 'only the points of this job')
    .option('--point <id>', 'only this point')
    .option('--wait', 'wait for the end')
    .addOption(jsonOption())
    .action(async (from: string, { to, job, point, ...options }: Options) => {
      const body = { to, ...(job === undefined ? {} : { job }), ...(point === undefined ? {} : { point }) };
      const director = await openDirector(invocation);
      const run = await director.call('startCopy', { params: { id: from }, body }, invocation.signal);
      await finishRun(invocation, director, run, options);
    });
}
