import type { CopyRetentionResource, KeepRule, RestClient } from '@sealift/wire';
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
import { KEEP_HELP, parseKeep } from '../job/keep.ts';

interface Options {
  keep?: string;
  apply?: boolean;
  json?: boolean;
}

export function addCopyRetention(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'retention <copy>',
    describe: 'tell which copies the rule of a standing copy, or another one, would remove, and why; removes nothing',
    examples: [
      'sealift copy retention nightly',
      'sealift copy retention nightly --keep daily=7',
      'sealift copy retention nightly --apply',
    ],
    notes: 'Exit status of --apply: 1 when of some job nothing may be removed now.',
  })
    .option('--keep <rule>', `try another rule: ${KEEP_HELP}`)
    .option('--apply', 'remove now what the rule of the standing copy does not keep')
    .addOption(jsonOption())
    .action(async (id: string, { keep, apply, json }: Options) => {
      if (keep !== undefined && apply === true) throw fail('usage', '--apply takes the rule of the copy, not --keep');
      const director = await openDirector(invocation);
      const rule = keep === undefined ? {} : { keep: parseKeep(keep) };
      await (apply === true ? applyNow(invocation, director, id, json) : preview(invocation, director, id, rule, json));
    });
}

async function applyNow(invocation: Invocation, director: RestClient, id: string, json: boolean | undefined) {
  const applied = await director.call('applyCopyRetention', { params: { id } }, invocation.signal);
  printResult(invocation, json, applied, () => formatDeletions(applied.items));
  for (const blocked of applied.blocked) say(invocation, `nothing may be removed now: ${harmless(blocked)}`);
  if (applied.blocked.length > 0) invocation.exitCode = EXIT.failed;
}

async function preview(
  invocation: Invocation,
  director: RestClient,
  id: string,
  body: { keep?: KeepRule | null },
  json: boolean | undefined,
) {
  const shown = await director.call('previewCopyRetention', { params: { id }, body }, invocation.signal);
  const textOf = (one: CopyRetentionResource['items'][number]) =>
    `${formatRetention(one)}${one.waiting.length} more would be copied by the next run\n`;
  printResult(invocation, json, shown, () => shown.items.map(textOf).join('\n'));
  if (!shown.items.some(({ stale }) => stale)) return;
  say(invocation, 'the target is not connected: this is how it stood when last heard of');
}
