import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPasswordForget(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'forget <name>',
    describe: 'have the Director erase every hash of a password, and ask for it from then on',
    examples: ['sealift password forget archive'],
    notes:
      'Its jobs go on, but each run waits until the password is given: sealift run password RUN. Recovery points made\n' +
      'while a key management service was in use still hold the wrapped hash, for whoever may use the service; so do\n' +
      'copies of the database made before. This Director uses neither any more. To shut them out, rotate the password\n' +
      'with --compromised, or take the key away from the service once nothing else needs it.',
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const { kms } = await director.call('getPassword', { params: { id: name } }, invocation.signal);
      const forgotten = await director.call('forgetPassword', { params: { id: name } }, invocation.signal);
      printResult(invocation, json, forgotten, () => `${forgotten.name} is asked for from now on\n`);
      for (const job of forgotten.jobs) say(invocation, `runs of ${job.name} will wait for it`);
      if (kms?.inPoints === true) {
        say(invocation, `recovery points made before still hold its hash, wrapped by ${kms.provider}; new ones do not`);
      }
    });
}
