import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { formatExplanation } from '../job/explain.ts';

export function addPointExplain(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'explain <point>',
    describe: 'tell who could read what when a recovery point was made',
    examples: ['sealift point explain 0198c3f2-7d4e-7a11-9c55-0242ac120002'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const explanation = await director.call('explainPoint', { params: { id } }, invocation.signal);
      printResult(invocation, json, explanation, () => formatExplanation(explanation));
    });
}
