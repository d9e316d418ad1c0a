import type { ExplanationResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobExplain(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'explain <job>',
    describe: 'tell, before it runs, who can read what, with which keys, and what a thief of each part would get',
    examples: ['sealift job explain mail', 'sealift job explain mail --json'],
    notes: 'The same is kept with each recovery point: sealift point explain POINT.',
  })
    .addOption(jsonOption())
    .action(async (job: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const explanation = await director.call('explainJob', { params: { id: job } }, invocation.signal);
      printResult(invocation, json, explanation, () => formatExplanation(explanation));
    });
}

export function formatExplanation({ job, encryption, summary, components, retention }: ExplanationResource): string {
  const parts = components.map(({ component, name, plaintext, why, keys, thief }) =>
    [
      `${component}${name === undefined ? '' : ` (${printable(name)})`}`,
      `  plaintext  ${plaintext}. ${harmless(why)}`,
      ...keys.map(({ key, from, until }) => `  key        ${harmless(key)}, from ${from} until ${until}`),
      `  a thief    ${harmless(thief)}`,
    ].join('\n'),
  );
  const kept = retention === undefined ? '' : `\n\nretention\n  ${harmless(retention)}`;
  return `${printable(job.name)}: ${encryption}\n${harmless(summary)}\n\n${parts.join('\n\n')}${kept}\n`;
}
