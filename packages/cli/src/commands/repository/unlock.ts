import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { readKeyFile } from '../../secrets/key-file.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { formatSlots } from './key/list.ts';

interface Options {
  passwordFile?: string;
  keyFile?: string;
  kept?: boolean;
  json?: boolean;
}

export function addRepositoryUnlock(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'unlock <repository>',
    describe: 'give its target the key of a repository that is encrypted at rest',
    examples: [
      'sealift repository unlock main',
      'sealift repository unlock main --password-file /run/secrets/main',
      'sealift repository unlock main --key-file /mnt/safe/main.key',
      'sealift repository unlock main --kept',
    ],
    notes:
      'It stays unlocked until its target Transporter ends. The Director unlocks by itself what it keeps a key of, and what\n' +
      'its key management service has wrapped; --kept has it try again, now.',
  })
    .option('--password-file <file>', 'take the password from a file, or from standard input with -')
    .option('--key-file <file>', 'take the key from a key file')
    .option('--kept', 'with what the Director keeps, or its key management service')
    .addOption(jsonOption())
    .action(async (repository: string, { json, ...options }: Options) => {
      const director = await openDirector(invocation);
      const body = await secretOf(invocation, options);
      const shown = await director.call('unlockRepository', { params: { id: repository }, body }, invocation.signal);
      printResult(invocation, json, shown, () => formatSlots(shown));
    });
}

async function secretOf(invocation: Invocation, { kept, keyFile, passwordFile }: Options) {
  if (kept === true) return {};
  if (keyFile !== undefined) return { key: (await readKeyFile(invocation, keyFile)).toString('base64') };
  return { password: await readSecret(invocation, { label: 'Repository password', file: passwordFile }) };
}
