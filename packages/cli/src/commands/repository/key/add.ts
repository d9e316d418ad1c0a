import type { Command } from 'commander';
import { printResult } from '../../../output/document.ts';
import { openDirector } from '../../../session/director.ts';
import type { Invocation } from '../../../session/host.ts';
import { defineCommand, jsonOption } from '../../define.ts';
import { askForSlot, type SlotOptions } from './ask-for-slot.ts';
import { formatSlots } from './list.ts';
import { addSlotOptions } from './slot-options.ts';

export function addKeyAdd(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'add <repository>',
    describe: 'add another way to unlock; data is not touched',
    examples: [
      'sealift repository key add main --password --label admins',
      'sealift repository key add main --kms',
      'sealift repository key add main --key-file /mnt/safe/main.key --label safe',
    ],
    notes:
      'A key file is for the safe: `sealift recover --key-file` opens the repository with it when all else is gone.',
  });
  addSlotOptions(command)
    .addOption(jsonOption())
    .action(async (repository: string, { json, ...options }: SlotOptions & { json?: boolean }) => {
      const director = await openDirector(invocation);
      const body = await askForSlot(invocation, options);
      const shown = await director.call('addRepositoryKey', { params: { id: repository }, body }, invocation.signal);
      printResult(invocation, json, shown, () => formatSlots(shown));
    });
}
