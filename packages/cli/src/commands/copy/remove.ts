import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addCopyRemove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'remove <copy>',
    describe: 'end a standing copy; what it has copied stays, and no rule removes it any more',
    examples: ['sealift copy remove nightly'],
    notes: 'A single copy is removed with: sealift point remove POINT --from REPOSITORY',
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const removed = await director.call('removeCopy', { params: { id } }, invocation.signal);
      printResult(invocation, json, removed, () => `${printable(removed.name)} is removed, its copies stay\n`);
    });
}
