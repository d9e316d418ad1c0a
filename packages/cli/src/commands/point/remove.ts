import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTime } from '../../output/units.ts';
import { confirm } from '../../session/confirm.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { placeQuery } from './place-query.ts';

interface Options {
  reason?: string;
  from?: string;
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
      'With --from only the copy in that repository goes, and the original stays; without it, copies stay.\n' +
      'A point that is locked or held is refused by its target, whoever asks. The space comes back with the next\n' +
      'collection of the repository. Removing a point that was removed changes nothing.',
  })
    .option('--reason <text>', 'why, for the logs of the Director and of the target')
    .option('--from <repository>', 'mean the copy in this repository, not the original')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, { reason, from, yes, json }: Options) => {
      const director = await openDirector(invocation);
      const params = { id };
      const point = await director.call('getPoint', { params }, invocation.signal);
      const made = `${formatTime(point.createdAt)} UTC`;
      const gone = from === undefined && point.removed !== undefined;
      if (!gone) {
        await confirm(
          invocation,
          `Remove ${from === undefined ? '' : `the copy in ${printable(from)} of `}the recovery point of ${printable(point.job.name)} from ${made} for good?`,
          yes,
        );
      }
      const body = reason === undefined ? {} : { reason };
      const removed = await director.call('removePoint', { params, query: placeQuery(from), body }, invocation.signal);
      printResult(invocation, json, removed, () => `${removed.id} is removed\n`);
    });
}
