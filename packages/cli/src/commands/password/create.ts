import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  description?: string;
  keep?: 'hash' | 'never';
  acceptWeak?: boolean;
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
      'sealift password create archive --keep never',
    ],
    notes:
      'Keep the password somewhere safe as well: with it and a repository alone everything can be recovered,\n' +
      'and without it nobody can. The Director keeps only a hash of it, wrapped; with --keep never not even that: then each\n' +
      'run and restore waits until the password is given.',
  })
    .option('--password-file <file>', 'take it from a file, or from standard input with -')
    .option('--description <text>', 'what it is for')
    .addOption(choice('--keep <what>', 'what the Director keeps: a wrapped hash, or never anything', ['hash', 'never']))
    .option('--accept-weak', 'take a password that is easily guessed')
    .addOption(jsonOption())
    .action(async (name: string, { passwordFile, description, keep, acceptWeak, json }: Options) => {
      const director = await openDirector(invocation);
      const request = { label: 'Encryption password', file: passwordFile, confirm: true };
      const password = await readSecret(invocation, request);
      const body = {
        name,
        password,
        ...(description === undefined ? {} : { description }),
        ...(keep === undefined ? {} : { keep }),
        ...(acceptWeak === true ? { acceptWeak } : {}),
      };
      const made = await director.call('createPassword', { body }, invocation.signal);
      printResult(invocation, json, made, () => `${made.id}\n`);
    });
}
