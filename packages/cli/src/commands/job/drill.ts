import type { DrillResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { harmless } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatTime } from '../../output/units.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  history?: boolean;
  json?: boolean;
}

export function addJobDrill(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'drill <job>',
    describe: 'prove that the newest recovery point can be opened, in each way that is set up',
    examples: [
      'sealift job drill mail',
      'sealift job drill mail --password-file note.txt',
      'sealift job drill mail --history',
    ],
    notes:
      'A sample is really decrypted, by the hash the Director keeps, by the key management service, and with the password\n' +
      'if it is given. Exit status: 0 every way opened it, 1 one did not.',
  })
    .option('--password-file <file>', 'try the password too, from a file or from standard input with -')
    .option('--history', 'show the drills so far instead')
    .addOption(jsonOption())
    .action(async (job: string, { passwordFile: file, history, json }: Options) => {
      const director = await openDirector(invocation);
      const params = { id: job };
      const secret =
        file === undefined ? {} : { password: await readSecret(invocation, { label: 'Encryption password', file }) };
      const { items } =
        history === true
          ? await director.call('listDrills', { params }, invocation.signal)
          : await director.call('drillJob', { params, body: secret }, invocation.signal);
      printResult(invocation, json, { items }, () => formatDrills(items));
      if (history !== true && items.some(({ passed }) => !passed)) invocation.exitCode = EXIT.failed;
    });
}

function formatDrills(items: DrillResource[]): string {
  return formatTable(
    ['when', 'point', 'way', 'result', 'files'].map((title) => ({ title })),
    items.map(({ at, point, way, passed, files, failure }) => [
      formatTime(at),
      point,
      way,
      passed ? 'opened' : harmless(failure?.message ?? 'failed'),
      String(files),
    ]),
  );
}
