import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  description?: string;
  json?: boolean;
}

export function addPasswordCreate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'create <name>',
    describe: 'make an encryption password for source-side encryption',
    examples: [
      'sealift password create archive',
      'sealift password create archive --password-file /run/secrets/archive',
      'pass show archive | sealift password create archive --password-file -',
    ],
    notes:
      'Keep the password somewhere safe as well: with it and a repository alone everything can be recovered,\n' +
      'and without it nobody can. The Director keeps only a hash of it, wrapped under its master key.',
  })
    .option('--password-file <file>', 'take it from a file, or from standard input with -')
    .option('--description <text>', 'what it is for')
    .addOption(jsonOption())
    .action(async (name: string, { passwordFile, description, json }: Options) => {
      const director = await openDirector(invocation);
      const request = { label: 'Encryption password', file: passwordFile, confirm: true };
      const password = await readSecret(invocation, request);
      const body = { name, password, ...(description === undefined ? {} : { description }) };
      const made = await director.call('createPassword', { body }, invocation.signal);
      printResult(invocation, json, made, () => `${made.id}\n`);
    });
}
