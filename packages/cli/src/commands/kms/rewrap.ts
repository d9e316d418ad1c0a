import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { formatKms } from './show.ts';

export function addKmsRewrap(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'rewrap',
    describe: 'wrap everything anew that was wrapped by what was used before',
    examples: ['sealift kms rewrap'],
    notes: 'To change: set the new key as kms and the old one under previousKms, restart the Director, then rewrap.',
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const kms = await director.call('rewrapKeys', {}, invocation.signal);
      printResult(invocation, json, kms, () => formatKms(kms));
    });
}
