import type { KmsResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addKmsShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show',
    describe: 'show what wraps the secrets of the Director, and whether it answers',
    examples: ['sealift kms show', 'sealift kms show --json'],
    notes:
      'It is chosen in the configuration of the Director: kms: file:/…, pkcs11:…, aws-kms:ARN or vault:https://….\n' +
      'Exit status: 0 it answers, 1 it does not.',
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const kms = await director.call('getKms', {}, invocation.signal);
      printResult(invocation, json, kms, () => formatKms(kms));
      if (kms.state === 'down') invocation.exitCode = EXIT.failed;
    });
}

export function formatKms({ provider, keyRef, state, reason, wrapped }: KmsResource): string {
  const lines = [
    `provider  ${provider}`,
    `key       ${printable(keyRef)}`,
    `state     ${state}${reason === undefined ? '' : `: ${harmless(reason)}`}`,
    `wrapped   by it: ${wrapped.current}, by what was used before: ${wrapped.other}`,
  ];
  return `${lines.join('\n')}\n`;
}
