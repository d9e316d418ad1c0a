import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTime } from '../../output/units.ts';
import { confirm } from '../../session/confirm.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  reason?: string;
  yes?: boolean;
  json?: boolean;
}

export function addPointRemove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'remove <point>',
    describe: 'remove a recovery point for good',
    examples: [
      'sealift point remove 0198c3f2-7d4e-7a11-9c55-0242ac120002',
      "sealift point remove 0198c3f2-7d4e-7a11-9c55-0242ac120002 --reason 'made by mistake' --yes",
    ],
    notes:
      'A point that is locked or held is refused by its target, whoever asks. The space comes back with the next\n' +
      'collection of the repository. Removing a point that was removed changes nothing.',
  })
    .option('--reason <text>', 'why, for the logs of the Director and of the target')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, { reason, yes, json }: Options) => {
      const director = await openDirector(invocation);
      const params = { id };
      const point = await director.call('getPoint', { params }, invocation.signal);
      const made = `${formatTime(point.createdAt)} UTC`;
      if (point.removed === undefined) {
        await confirm(
          invocation,
          `Remove the recovery point of ${printable(point.job.name)} from ${made} for good?`,
          yes,
        );
      }
      const body = reason === undefined ? {} : { reason };
      const removed = await director.call('removePoint', { params, body }, invocation.signal);
      printResult(invocation, json, removed, () => `${removed.id} is removed\n`);
    });
}
