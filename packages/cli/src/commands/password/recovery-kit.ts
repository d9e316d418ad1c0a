import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  output?: string;
  json?: boolean;
}

export function addPasswordRecoveryKit(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'recovery-kit <name>',
    describe: 'make the page that is to be printed and kept with a password',
    examples: ['sealift password recovery-kit archive | lpr', 'sealift password recovery-kit archive --output kit.txt'],
    notes: 'It says what the password opens and how; the password itself is not on it.',
  })
    .option('--output <file>', 'write it to a file, for its owner only')
    .addOption(jsonOption())
    .action(async (name: string, { output, json }: Options) => {
      const director = await openDirector(invocation);
      const kit = await director.call('getRecoveryKit', { params: { id: name } }, invocation.signal);
      if (output === undefined) {
        printResult(invocation, json, kit, () => kit.text);
        return;
      }
      const path = resolve(invocation.host.cwd, output);
      await writeFile(path, json === true ? `${JSON.stringify(kit)}\n` : kit.text, { mode: 0o600, flag: 'wx' });
      printResult(invocation, json, { written: path }, () => `${path}\n`);
    });
}
