import { resolve } from 'node:path';
import type { Command } from 'commander';
import { fail } from '../failures.ts';
import type { Invocation } from '../session/host.ts';
import { runUp } from '../up/up.ts';
import { defineCommand, jsonOption } from './define.ts';

interface Options {
  data?: string;
  port: string;
  once?: boolean;
  json?: boolean;
}

const HIGHEST_FIRST_PORT = 65_531;

export function addUp(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'up [path...]',
    describe: 'try it all on this machine: Director, source, target, and backups of PATH that come back identical',
    examples: [
      'sealift up',
      'sealift up ~/documents /var/lib/images/disk.raw',
      'sealift up ~/documents --data /mnt/big/sealift --once',
      'npm start -- ~/documents',
    ],
    notes:
      'Backs up PATH (this folder when left out) twice in each encryption mode, restores each, compares, prints a\n' +
      'table, and stays up until Ctrl-C. Exit status: 0 all came back identical, 1 not, 3 some files were unreadable.',
  })
    .option('--data <dir>', 'where everything is kept (.sealift in this folder)')
    .option('--port <number>', 'first of the five ports it takes; 0 for any free ones', '7420')
    .option('--once', 'end after the table')
    .addOption(jsonOption())
    .action(async (paths: string[], { data, port, once, json }: Options) => {
      const { cwd } = invocation.host;
      const base = callerFolder(invocation);
      await runUp(invocation, {
        sources: paths.length === 0 ? [cwd] : paths.map((path) => resolve(base, path)),
        data: data === undefined ? resolve(cwd, '.sealift') : resolve(base, data),
        firstPort: firstPort(port),
        once: once === true,
        json: json === true,
      });
    });
}

/** `npm start` changes to the checkout; the paths given to it are meant from where it was called. */
function callerFolder({ host }: Invocation): string {
  const { env } = host;
  return env.npm_lifecycle_event === 'start' && env.INIT_CWD ? env.INIT_CWD : host.cwd;
}

function firstPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= HIGHEST_FIRST_PORT)) throw fail('usage', `--port must be 0 to ${HIGHEST_FIRST_PORT}, not '${text}'`);
  return port;
}
