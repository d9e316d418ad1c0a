import type { JobRemovalResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { fail } from '../../failures.ts';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatTime } from '../../output/units.ts';
import { confirm } from '../../session/confirm.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  keepPoints?: boolean;
  removePoints?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function addJobRemove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'remove <job>',
    describe: 'remove a job; its recovery points stay, unless they are to go, too',
    examples: ['sealift job remove web', 'sealift job remove web --remove-points --yes'],
    notes:
      'Refused while a run of the job waits or is under way. Points that stay are listed under the name of the job, can be\n' +
      'restored, and are removed by no rule any more: sealift point list --job JOB, sealift point remove. --remove-points\n' +
      'leaves what is locked or held, and says until when; given again later, it removes what has become free. Copies in\n' +
      'other repositories stay. Exit status of --remove-points: 3 while points are left.',
  })
    .option('--keep-points', 'leave its recovery points where they are; so it is without any option')
    .option('--remove-points', 'remove its recovery points as well, as far as they are neither locked nor held')
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (id: string, { keepPoints, removePoints, yes, json }: Options) => {
      if (keepPoints === true && removePoints === true) {
        throw fail('usage', 'give --keep-points or --remove-points, not both');
      }
      const director = await openDirector(invocation);
      const params = { id };
      const { name } = await director.call('getJob', { params }, invocation.signal);
      const what = removePoints === true ? ' and its recovery points for good?' : '? Its recovery points stay.';
      await confirm(invocation, `Remove the job ${printable(name)}${what}`, yes);
      const body = { points: removePoints === true ? ('remove' as const) : ('keep' as const) };
      const removed = await director.call('removeJob', { params, body }, invocation.signal);
      printResult(invocation, json, removed, () => formatRemoval(removed));
      if (removePoints === true && removed.left.length > 0) invocation.exitCode = EXIT.warnings;
    });
}

function formatRemoval({ job, deletions, left, copies }: JobRemovalResource): string {
  const gone = deletions.filter(({ outcome }) => outcome !== 'refused').length;
  const lines = left.map(({ point, lockedUntil, held }) => {
    const bonds = [
      ...(lockedUntil === undefined ? [] : [`locked until ${formatTime(lockedUntil)} UTC`]),
      ...(held === undefined ? [] : [`held: ${harmless(held)}`]),
    ];
    return `${point} stays${bonds.length === 0 ? '' : `, ${bonds.join(', ')}`}\n`;
  });
  const sum = `${printable(job.name)} is removed: ${gone} recovery points with it, ${left.length} stay, ${copies} copies elsewhere\n`;
  return `${lines.join('')}${sum}`;
}
