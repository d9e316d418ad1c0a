import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  json?: boolean;
}

export function addPasswordCheck(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'check <name>',
    describe: 'tell whether what you remember is the password, or one before it',
    examples: ['sealift password check archive', 'sealift password check archive --password-file note.txt --json'],
    notes: 'Exit status: 0 it is the present password, 3 it is one before it, 1 it is neither.',
  })
    .option('--password-file <file>', 'take it from a file, or from standard input with -')
    .addOption(jsonOption())
    .action(async (name: string, { passwordFile, json }: Options) => {
      const director = await openDirector(invocation);
      const password = await readSecret(invocation, { label: 'Encryption password', file: passwordFile });
      const call = { params: { id: name }, body: { password } };
      const { matches, current, epoch } = await director.call('checkPassword', call, invocation.signal);
      const found = current === true ? 'the present password' : `the password of epoch ${epoch}, which was replaced`;
      const result = { matches, ...(matches ? { current, epoch } : {}) };
      printResult(invocation, json, result, () => (matches ? `this is ${found}\n` : 'this is not the password\n'));
      invocation.exitCode = current === true ? EXIT.done : matches ? EXIT.warnings : EXIT.failed;
    });
}
