import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { printResult } from '../../output/document.ts';
import { harmless } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { placeQuery } from './place-query.ts';

interface Options {
  reason?: string;
  release?: boolean;
  from?: string;
  json?: boolean;
}

export function addPointHold(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'hold <point>',
    describe: 'keep a recovery point from being removed, by rule or by hand, until it is released',
    examples: [
      "sealift point hold 0198c3f2-7d4e-7a11-9c55-0242ac120002 --reason 'audit of 2026'",
      'sealift point hold 0198c3f2-7d4e-7a11-9c55-0242ac120002 --release',
    ],
    notes: 'A hold can be taken back; a lock cannot: sealift point lock.',
  })
    .option('--reason <text>', 'why; shown to whoever wants to remove it')
    .option('--release', 'take the hold back')
    .option('--from <repository>', 'mean the copy in this repository, not the original')
    .addOption(jsonOption())
    .action(async (id: string, { reason, release, from, json }: Options) => {
      if (release === true && reason !== undefined) throw fail('usage', '--release takes no --reason');
      const director = await openDirector(invocation);
      const params = { id };
      const query = placeQuery(from);
      const body = reason === undefined ? {} : { reason };
      const point =
        release === true
          ? await director.call('releasePoint', { params, query }, invocation.signal)
          : await director.call('holdPoint', { params, query, body }, invocation.signal);
      const held = point.hold === undefined ? 'is not held' : `is held: ${harmless(point.hold.reason)}`;
      printResult(invocation, json, point, () => `${point.id} ${held}\n`);
    });
}
