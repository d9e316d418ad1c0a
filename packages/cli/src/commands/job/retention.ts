import type { DeletionResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { fail } from '../../failures.ts';
import { formatDeletions } from '../../output/deletions.ts';
import { printResult } from '../../output/document.ts';
import { harmless } from '../../output/printable.ts';
import { formatRetention } from '../../output/retention.ts';
import { openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { KEEP_HELP, parseKeep } from './keep.ts';

interface Options {
  keep?: string;
  apply?: boolean;
  json?: boolean;
}

export function addJobRetention(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'retention <job>',
    describe: 'tell which recovery points the rule of a job, or another one, would remove, and why; removes nothing',
    examples: [
      'sealift job retention web',
      'sealift job retention web --keep last=3,daily=7',
      'sealift job retention web --apply',
    ],
    notes:
      'What counts is when the target received a recovery point, not the time that the source claims. --apply removes\n' +
      'now what would be removed after the next run. Exit status of --apply: 1 when nothing may be removed now.',
  })
    .option('--keep <rule>', `try another rule: ${KEEP_HELP}`)
    .option('--apply', 'remove now what the rule of the job does not keep')
    .addOption(jsonOption())
    .action(async (id: string, { keep, apply, json }: Options) => {
      if (keep !== undefined && apply === true) throw fail('usage', '--apply takes the rule of the job, not --keep');
      const director = await openDirector(invocation);
      const params = { id };
      if (apply === true) {
        tellApplied(invocation, json, await director.call('applyRetention', { params }, invocation.signal));
        return;
      }
      const body = keep === undefined ? {} : { keep: parseKeep(keep) };
      const preview = await director.call('previewRetention', { params, body }, invocation.signal);
      printResult(invocation, json, preview, () => formatRetention(preview));
      if (preview.stale) say(invocation, 'the target is not connected: this is how it stood when last heard of');
    });
}

function tellApplied(
  invocation: Invocation,
  json: boolean | undefined,
  applied: { blocked?: string; items: DeletionResource[] },
): void {
  printResult(invocation, json, applied, () => formatDeletions(applied.items));
  if (applied.blocked === undefined) return;
  say(invocation, `nothing may be removed now: ${harmless(applied.blocked)}`);
  invocation.exitCode = EXIT.failed;
}
