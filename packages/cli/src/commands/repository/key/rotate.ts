import type { Command } from 'commander';
import { printResult } from '../../../output/document.ts';
import { openDirector } from '../../../session/director.ts';
import type { Invocation } from '../../../session/host.ts';
import { defineCommand, jsonOption } from '../../define.ts';
import { askForSlot, type SlotOptions } from './ask-for-slot.ts';
import { formatSlots } from './list.ts';
import { addSlotOptions } from './slot-options.ts';

export function addKeyRotate(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'rotate <repository> <slot>',
    describe: 'put a new key slot in the place of one, named by its label or id; data is not touched',
    examples: [
      'sealift repository key rotate main admins --password --label admins-2027',
      'sealift repository key rotate main pkcs11 --kms --label new-token',
    ],
    notes: 'The old slot goes when the new one stands.',
  });
  addSlotOptions(command)
    .addOption(jsonOption())
    .action(async (repository: string, slot: string, { json, ...options }: SlotOptions & { json?: boolean }) => {
      const director = await openDirector(invocation);
      const body = await askForSlot(invocation, options);
      const params = { id: repository, slot };
      const shown = await director.call('rotateRepositoryKey', { params, body }, invocation.signal);
      printResult(invocation, json, shown, () => formatSlots(shown));
    });
}
