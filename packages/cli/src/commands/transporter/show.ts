import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTime } from '../../output/units.ts';
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
      const state = one.revokedAt === undefined ? (one.connected ? 'connected' : 'away') : 'revoked';
      printResult(invocation, json, one, () =>
        [
          `name         ${printable(one.name)}`,
          `id           ${one.id}`,
          `role         ${one.role}`,
          `state        ${state}`,
          `version      ${printable(one.version ?? 'unknown')}`,
          `address      ${printable(one.dataUrl ?? 'none, it dials')}`,
          `enrolled     ${formatTime(one.enrolledAt)}`,
          `certificate  until ${formatTime(one.certificateExpiresAt)}`,
          '',
        ].join('\n'),
      );
    });
}
