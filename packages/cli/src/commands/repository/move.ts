import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { type PlaceOptions, placeOf } from './place-of.ts';

interface Options extends PlaceOptions {
  transporter?: string;
  json?: boolean;
}

export function addRepositoryMove(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'move <name>',
    describe: 'tell where a repository is that you have moved',
    examples: [
      'sealift repository move main --path /mnt/larger/main',
      'sealift repository move main --transporter vault-2 --path /srv/sealift/main',
    ],
    notes:
      'Nothing is copied: move or copy the whole folder yourself, while no run writes to it. The target there opens it, and\n' +
      'only if it is the same repository it counts as moved. Then its recovery points are compared with those recorded, so\n' +
      'that an older copy of it is noticed. A copy made while it was served is refused for a minute. A target that is away\n' +
      'when its repository moves to another goes on serving what it finds at the old place when it comes back: revoke it, or\n' +
      'remove the old copy.',
  })
    .option('--transporter <name>', 'the target Transporter that serves it from now on; the same unless given')
    .option('--path <dir>', 'absolute path of the repository there')
    .option('--s3 <address>', 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&credentials=NAME')
    .addOption(jsonOption())
    .action(async (id: string, { transporter, json, ...where }: Options) => {
      const path = placeOf('move', where);
      const body = transporter === undefined ? { path } : { path, transporter };
      const director = await openDirector(invocation);
      const moved = await director.call('moveRepository', { params: { id }, body }, invocation.signal);
      const place = `${printable(moved.transporter.name)}:${printable(moved.path)}`;
      printResult(invocation, json, moved, () => `${printable(moved.name)} is at ${place}\n`);
    });
}
