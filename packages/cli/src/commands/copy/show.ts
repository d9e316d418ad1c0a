import type { Command } from 'commander';
import { formatCopy } from '../../output/copy.ts';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addCopyShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <copy>',
    describe: 'show one standing copy',
    examples: ['sealift copy show nightly'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const copy = await director.call('getCopy', { params: { id } }, invocation.signal);
      printResult(invocation, json, copy, () => formatCopy(copy));
    });
}
