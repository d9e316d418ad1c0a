import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatTime } from '../../output/units.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPasswordList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list the encryption passwords by name; never what they are',
    examples: ['sealift password list', 'sealift password list --json'],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const items = await allItems(await openDirector(invocation), 'listPasswords', {}, invocation.signal);
      const columns = ['name', 'domain', 'epoch', 'made', 'description'].map((title) => ({ title }));
      printResult(invocation, json, { items }, () =>
        formatTable(
          columns,
          items.map((one) => [
            printable(one.name),
            one.domainId,
            String(one.epoch),
            formatTime(one.createdAt),
            printable(one.description ?? ''),
          ]),
        ),
      );
    });
}
