import { setTimeout as sleep } from 'node:timers/promises';
import type { RestClient, RunResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { nbdUri } from '../../output/nbd-uri.ts';
import { openDirector } from '../../session/director.ts';
import { hasEnded, tellProblems } from '../../session/follow-run.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { parsePlace } from '../place.ts';
import { type PasswordOptions, withPassword } from '../with-password.ts';

interface Options extends PasswordOptions {
  at: string;
  from?: string;
  disk?: string[];
  json?: boolean;
}

const LOOK_EVERY = 300;

export function addPointServe(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'serve <point>',
    describe: 'serve disks of a recovery point, read-only, over NBD: use them at once, without restoring them',
    examples: [
      'sealift point serve 0198c3f2-7d4e-7a11-9c55-0242ac120002 --at berlin:/run/sealift/web.sock',
      'sealift point serve 0198c3f2-7d4e-7a11-9c55-0242ac120002 --at berlin:/run/sealift/web.sock --disk web.raw',
      'sealift run cancel 0198c3f2-7d4e-7a11-9c55-0242ac120002',
    ],
    notes:
      'Ends when the disks can be used, and prints their addresses. They are served by that Transporter until its run is\n' +
      'cancelled, at a unix socket that only the user it runs as may open. With an address, on that machine:\n' +
      '  qemu-img create -f qcow2 -b ADDRESS -F raw overlay.qcow2      a machine may write to the overlay\n' +
      '  nbdcopy ADDRESS disk.raw\n' +
      'Disks read only what is used of them. The recovery point is not removed meanwhile.',
  })
    .requiredOption('--at <place>', 'socket to serve at, TRANSPORTER:PATH')
    .option('--disk <path...>', 'which disks, by their paths in the recovery point (default: all that are sources)')
    .option('--from <repository>', 'serve the copy that this repository holds')
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .addOption(jsonOption())
    .action(async (id: string, options: Options) => {
      const { at, from, disk } = options;
      const body = {
        ...parsePlace('--at', at),
        ...(from === undefined ? {} : { from }),
        ...(disk === undefined ? {} : { disks: disk }),
      };
      const director = await openDirector(invocation);
      const queued = await director.call('servePoint', { params: { id }, body }, invocation.signal);
      const run = await untilServing(invocation, director, await withPassword(invocation, director, queued, options));
      if (hasEnded(run)) {
        await tellProblems(invocation, director, run);
        invocation.exitCode = EXIT.failed;
      }
      printResult(invocation, options.json, run, () => served(run, body.path, disk));
    });
}

async function untilServing({ signal }: Invocation, director: RestClient, queued: RunResource): Promise<RunResource> {
  let run = queued;
  while (!hasEnded(run) && run.progress?.phase !== 'serving') {
    await sleep(LOOK_EVERY, undefined, { signal });
    run = await director.call('getRun', { params: { id: run.id } }, signal);
  }
  return run;
}

function served(run: RunResource, socket: string, disks: string[] | undefined): string {
  if (hasEnded(run)) return '';
  const addresses = (disks ?? ['']).map((disk) => `${nbdUri(socket, disk)}\n`).join('');
  return `${addresses}to end it: sealift run cancel ${run.id}\n`;
}
