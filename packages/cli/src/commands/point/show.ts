import type { PointResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatFields } from '../../output/run.ts';
import { formatBytes, formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addPointShow(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'show <point>',
    describe: 'show one recovery point',
    examples: ['sealift point show 0198c3f2-7d4e-7a11-9c55-0242ac120002'],
  })
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const point = await director.call('getPoint', { params: { id } }, invocation.signal);
      printResult(invocation, json, point, () =>
        formatFields([
          ['point', point.id],
          ['job', printable(point.job.name)],
          ['source', printable(point.source.name)],
          ['repository', printable(point.repository.name)],
          ['encryption', point.mode],
          ['password', point.password === undefined ? undefined : printable(point.password.name)],
          ['made', `${formatTime(point.createdAt)} UTC`],
          ...keepingOf(point),
          ['sequence', String(point.sequence)],
          ['files', point.files === undefined ? 'unknown' : String(point.files)],
          ['size', point.bytes === undefined ? 'unknown' : formatBytes(point.bytes)],
          ['manifest', point.hash],
          ['authority', point.authority],
          ...copiesOf(point),
        ]),
      );
    });
}

function copiesOf({ copies = [] }: PointResource): [string, string][] {
  return copies.map(({ repository, receivedAt, lockedUntil, hold, missingSince }) => {
    const bonds = [
      ...(lockedUntil === undefined ? [] : [`locked until ${formatTime(lockedUntil)} UTC`]),
      ...(hold === undefined ? [] : [`held: ${harmless(hold.reason)}`]),
      ...(missingSince === undefined ? [] : [`missing since ${formatTime(missingSince)} UTC`]),
    ];
    const since = `in ${printable(repository.name)} since ${formatTime(receivedAt)} UTC`;
    return ['copy', [since, ...bonds].join(', ')];
  });
}

function keepingOf(point: PointResource): [string, string | undefined][] {
  const { receivedAt, lockedUntil, hold, missingSince } = point;
  const time = (at: string | undefined, word = '') => at && `${word}${formatTime(at)} UTC`;
  return [
    ['received', time(receivedAt)],
    ['locked', time(lockedUntil, 'until ')],
    ['held', hold && harmless(hold.reason)],
    ['missing', time(missingSince, 'since ')],
    ['removed', removedOf(point)],
  ];
}

function removedOf({ removed }: PointResource): string | undefined {
  if (removed === undefined) return undefined;
  return `${formatTime(removed.at)} UTC by ${harmless(removed.by)}: ${harmless(removed.reason)}`;
}
