import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatTransporter } from '../../output/transporter.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addTransporterShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <name>',
    describe: 'show one Transporter',
    examples: ['sealift transporter show berlin', 'sealift transporter show berlin --json'],
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const one = await director.call('getTransporter', { params: { id: name } }, invocation.signal);
      printResult(invocation, json, one, () => formatTransporter(one));
    });
}
