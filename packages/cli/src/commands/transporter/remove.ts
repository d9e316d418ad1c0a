import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addTransporterRemove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'remove <name>',
    describe: 'revoke a Transporter and forget it; refused while a job or repository needs it',
    examples: ['sealift transporter remove berlin'],
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const removed = await director.call('removeTransporter', { params: { id: name } }, invocation.signal);
      printResult(invocation, json, removed, () => `${printable(removed.name)} is removed\n`);
    });
}
