import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPasswordShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <name>',
    describe: 'show what is known of a password; never what it is',
    examples: ['sealift password show archive', 'sealift password show archive --json'],
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const password = await director.call('getPassword', { params: { id: name } }, invocation.signal);
      const kept =
        password.kms === undefined ? 'nothing, it is asked for' : `a hash, wrapped by ${password.kms.provider}`;
      printResult(invocation, json, password, () =>
        [
          `name         ${printable(password.name)}`,
          `description  ${printable(password.description ?? '')}`,
          `domain       ${password.domainId}`,
          `epoch        ${password.epoch}, ${password.epochs} in all`,
          `made         ${formatTime(password.createdAt)}`,
          `rotated      ${password.rotatedAt === undefined ? 'never' : formatTime(password.rotatedAt)}`,
          `kept         ${kept}`,
          `jobs         ${password.jobs.map((job) => printable(job.name)).join(', ') || 'none'}`,
          ...password.leftBehind.map(
            ({ job, points }) =>
              `left behind  ${points} recovery points of ${printable(job.name)} need a former password`,
          ),
          '',
        ].join('\n'),
      );
    });
}
