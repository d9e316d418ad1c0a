import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  passwordFile?: string;
  json?: boolean;
}

export function addRunPassword(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'password <run>',
    describe: 'give the encryption password that a run waits for',
    examples: [
      'sealift run password 0198c3f2-7d4e-7a11-9c55-0242ac120002',
      'sealift run password 0198c3f2-7d4e-7a11-9c55-0242ac120002 --password-file -',
    ],
    notes: 'The Director keeps what it needs of it in memory until the run ends, and stores nothing.',
  })
    .option('--password-file <file>', 'take it from a file, or from standard input with -')
    .addOption(jsonOption())
    .action(async (id: string, { passwordFile, json }: Options) => {
      const director = await openDirector(invocation);
      const password = await readSecret(invocation, { label: 'Encryption password', file: passwordFile });
      const run = await director.call('giveRunPassword', { params: { id }, body: { password } }, invocation.signal);
      printResult(invocation, json, run, () => `${run.id} ${run.state}\n`);
    });
}
