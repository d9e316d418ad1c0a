import type { PasswordResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  currentPasswordFile?: string;
  compromised?: boolean;
  acceptWeak?: boolean;
  json?: boolean;
}

export function addPasswordRotate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'rotate <name>',
    describe: 'replace a password by a new one',
    examples: [
      'sealift password rotate archive',
      'sealift password rotate archive --compromised',
      'sealift password rotate archive --password-file new.txt --current-password-file old.txt',
    ],
    notes:
      'The new password opens what the old one has sealed, and deduplication goes on. With --compromised nothing leads\n' +
      'from the old password to the new one: the next run stores everything anew, and older recovery points keep needing\n' +
      'the old password until they expire. Print a new recovery kit afterwards.',
  })
    .option('--password-file <file>', 'take the new one from a file, or from standard input with -')
    .option('--current-password-file <file>', 'the present one, where the Director keeps no hash of it')
    .option('--compromised', 'somebody else may know the old one')
    .option('--accept-weak', 'take a password that is easily guessed')
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const director = await openDirector(invocation);
      const { keep } = await director.call('getPassword', { params: { id: name } }, invocation.signal);
      const ofPresent = { label: 'Present password', file: options.currentPasswordFile };
      const needed = options.compromised !== true && (keep === 'never' || options.currentPasswordFile !== undefined);
      const current = needed ? { current: await readSecret(invocation, ofPresent) } : {};
      const request = { label: 'New password', file: options.passwordFile, confirm: true };
      const body = {
        password: await readSecret(invocation, request),
        ...current,
        ...(options.compromised === true ? { compromised: true } : {}),
        ...(options.acceptWeak === true ? { acceptWeak: true } : {}),
      };
      const made = await director.call('rotatePassword', { params: { id: name }, body }, invocation.signal);
      printResult(invocation, options.json, made, () => `${made.name} is at epoch ${made.epoch} of ${made.domainId}\n`);
      sayLeftBehind(invocation, made);
      say(invocation, `print a new kit: sealift password recovery-kit ${made.name}`);
    });
}

/** What a compromise still reaches: nothing is encrypted anew, so these points must expire. */
function sayLeftBehind(invocation: Invocation, { leftBehind }: PasswordResource): void {
  for (const { job, points } of leftBehind) {
    const them = `${points} recovery ${points === 1 ? 'point' : 'points'} of ${printable(job.name)}`;
    say(invocation, `whoever knows a former password can read ${them} until they expire; keep it, they need it`);
  }
}
