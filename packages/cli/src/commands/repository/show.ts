import type { ComparisonResource, RepositoryResource, RestClient } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatFields } from '../../output/run.ts';
import { formatBytes, formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { formatSlots } from './key/list.ts';

interface Options {
  compare?: boolean;
  json?: boolean;
}

export function addRepositoryShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <name>',
    describe: 'show one repository, and whether its target shows the recovery points that were recorded',
    examples: ['sealift repository show main', 'sealift repository show main --compare'],
    notes: 'Exit status 3: with --compare, some points are missing, replaced, unknown or out of their chain.',
  })
    .option('--compare', 'compare the recovery points that its target shows with those recorded')
    .addOption(jsonOption())
    .action(async (name: string, { compare, json }: Options) => {
      const director = await openDirector(invocation);
      const repository = await director.call('getRepository', { params: { id: name } }, invocation.signal);
      const comparison = compare === true ? await compared(invocation, director, repository) : undefined;
      const document = comparison === undefined ? repository : { ...repository, comparison };
      printResult(invocation, json, document, () => {
        const encryption = repository.encryption === undefined ? '' : formatSlots(repository);
        return formatRepository(repository) + encryption + formatComparison(comparison);
      });
    });
}

async function compared(invocation: Invocation, director: RestClient, { id }: RepositoryResource) {
  const comparison = await director.call('compareRepository', { params: { id } }, invocation.signal);
  if (comparison.differences > 0) invocation.exitCode = EXIT.warnings;
  return comparison;
}

function formatRepository({ id, name, transporter, path, createdAt, stats }: RepositoryResource): string {
  return formatFields([
    ['repository', printable(name)],
    ['id', id],
    ['target', printable(transporter.name)],
    ['path', printable(path)],
    ['made', `${formatTime(createdAt)} UTC`],
    ['points', stats === undefined ? 'unknown' : String(stats.points)],
    ['stored', stats === undefined ? 'unknown' : formatBytes(stats.storedBytes)],
    ['free', stats?.freeBytes === undefined ? 'unknown' : formatBytes(stats.freeBytes)],
  ]);
}

function formatComparison(comparison: ComparisonResource | undefined): string {
  if (comparison === undefined) return '';
  const { shown, recorded, missing, replaced, unknown, outOfChain, differences } = comparison;
  const lists = [
    ['missing', missing],
    ['replaced', replaced],
    ['unknown', unknown],
    ['out of chain', outOfChain],
  ] as const;
  const lines = lists.flatMap(([kind, points]) =>
    points.map(({ point, job, sequence }) => `${kind}: ${point}, number ${sequence} of the job ${job}\n`),
  );
  return `compared: ${shown} shown, ${recorded} recorded, ${differences} differences\n${lines.join('')}`;
}
