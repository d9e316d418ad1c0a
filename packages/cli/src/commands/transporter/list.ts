import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatTime } from '../../output/units.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addTransporterList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list the Transporters and whether they are connected',
    examples: [
      'sealift transporter list',
      "sealift transporter list --json | jq '.items[] | select(.connected | not)'",
    ],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const items = await allItems(await openDirector(invocation), 'listTransporters', {}, invocation.signal);
      const columns = ['name', 'role', 'connected', 'version', 'last seen', 'certificate until'];
      printResult(invocation, json, { items }, () =>
        formatTable(
          columns.map((title) => ({ title })),
          items.map((one) => [
            printable(one.name),
            one.role,
            one.connected ? 'yes' : 'no',
            printable(one.version ?? '-'),
            one.lastSeenAt === undefined ? 'never' : formatTime(one.lastSeenAt),
            formatTime(one.certificateExpiresAt),
          ]),
        ),
      );
    });
}
