import type { Command } from 'commander';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';
import { finishRun, type WaitOptions } from '../finish-run.ts';
import { parsePlace } from '../place.ts';
import { type PasswordOptions, withPassword } from '../with-password.ts';

interface Options extends WaitOptions, PasswordOptions {
  to: string;
  from?: string;
  only?: string[];
  overwrite?: 'never' | 'older' | 'always';
}

export function addPointRestore(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'restore <point>',
    describe: 'restore a recovery point, or parts of it, to a folder of a Transporter',
    examples: [
      'sealift point restore 0198c3f2-7d4e-7a11-9c55-0242ac120002 --to berlin:/srv/restored --wait',
      "sealift point restore 0198c3f2-7d4e-7a11-9c55-0242ac120002 --to berlin:/tmp/out --only 'www/**/*.jpg' --wait",
      'sealift point restore 0198c3f2-7d4e-7a11-9c55-0242ac120002 --from offsite --to berlin:/srv/restored --wait',
    ],
    notes: 'With --wait the exit status is that of the run: 0 done, 3 with warnings, 1 failed or cancelled.',
  })
    .requiredOption('--to <place>', 'where to, TRANSPORTER:PATH')
    .option('--from <repository>', 'restore the copy that this repository holds')
    .option('--only <pattern...>', 'only what matches')
    .addOption(choice('--overwrite <rule>', 'what to do with files that exist', ['never', 'older', 'always']))
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .option('--wait', 'wait for the end of the restore')
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const { to, from, only, overwrite } = options;
      const body = {
        ...parsePlace('--to', to),
        ...(from === undefined ? {} : { from }),
        ...(only === undefined ? {} : { only }),
        ...(overwrite === undefined ? {} : { overwrite }),
      };
      const director = await openDirector(invocation);
      const run = await director.call('restorePoint', { params: { id }, body }, invocation.signal);
      await finishRun(invocation, director, await withPassword(invocation, director, run, options), options);
    });
}
