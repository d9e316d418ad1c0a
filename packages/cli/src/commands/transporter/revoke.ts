import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addTransporterRevoke(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'revoke <name>',
    describe: 'shut a Transporter out: its certificates count no more, its sessions end at once',
    examples: ['sealift transporter revoke berlin'],
    notes: 'To let it in again, make it a new token: sealift transporter token NAME --role ROLE.',
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const revoked = await director.call('revokeTransporter', { params: { id: name } }, invocation.signal);
      printResult(invocation, json, revoked, () => `${printable(revoked.name)} is revoked\n`);
    });
}
