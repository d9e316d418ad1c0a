import type { Command } from 'commander';
import { printResult } from '../../../output/document.ts';
import { openDirector } from '../../../session/director.ts';
import type { Invocation } from '../../../session/host.ts';
import { defineCommand, jsonOption } from '../../define.ts';
import { formatSlots } from './list.ts';

export function addKeyRemove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'remove <repository> <slot>',
    describe: 'remove a key slot, by its label or id; the last one stays',
    examples: ['sealift repository key remove main admins'],
    notes:
      'Whoever has a copy of the repository from before, and the key of the slot, still opens that copy. After a leak\n' +
      'make a new master key as well: sealift repository key rotate-master.',
  })
    .addOption(jsonOption())
    .action(async (repository: string, slot: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const params = { id: repository, slot };
      const shown = await director.call('removeRepositoryKey', { params }, invocation.signal);
      printResult(invocation, json, shown, () => formatSlots(shown));
    });
}
