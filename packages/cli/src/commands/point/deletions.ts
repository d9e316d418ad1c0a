import type { Command } from 'commander';
import { formatDeletions } from '../../output/deletions.ts';
import { printResult } from '../../output/document.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPointDeletions(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'deletions',
    describe: 'list which recovery points were removed, or refused to be, by whom and why, newest first',
    examples: ['sealift point deletions', 'sealift point deletions --job web --json'],
  })
    .option('--job <name>', 'only of this job')
    .addOption(jsonOption())
    .action(async ({ job, json }: { job?: string; json?: boolean }) => {
      const query = job === undefined ? {} : { job };
      const items = await allItems(await openDirector(invocation), 'listDeletions', { query }, invocation.signal);
      printResult(invocation, json, { items }, () => formatDeletions(items));
    });
}
