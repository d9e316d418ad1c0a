import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { parseDays } from '../job/keep.ts';
import { type PlaceOptions, placeOf } from './place-of.ts';

interface Options extends PlaceOptions {
  transporter: string;
  immutable?: string;
  json?: boolean;
}

export function addRepositoryCreate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'create <name>',
    describe: 'make a repository in a folder of a target Transporter, or in object storage behind it',
    examples: [
      'sealift repository create main --transporter vault --path /srv/sealift/main',
      'sealift repository create cloud --transporter vault \\\n' +
        "    --s3 's3://backups/site-1?endpoint=https://s3.example.net&region=eu-1&credentials=cloud'",
    ],
    notes:
      'Keys for object storage are never given here: the target looks them up by the name in `credentials` (or default)\n' +
      'in its own file, which has the format of ~/.aws/credentials. See s3Credentials of `transporter serve`.\n' +
      '`&class=STANDARD_IA` stores the bulk of the data in that storage class. The bucket must exist.',
  })
    .requiredOption('--transporter <name>', 'the target Transporter that will serve it')
    .option('--path <dir>', 'absolute path of a missing or empty folder there')
    .option('--s3 <address>', 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&credentials=NAME')
    .option('--immutable <days>', 'lock each recovery point for so many days at least; this is only ever lengthened')
    .addOption(jsonOption())
    .action(async (name: string, { transporter, immutable, json, ...where }: Options) => {
      const path = placeOf('create', where);
      const director = await openDirector(invocation);
      const locked = immutable === undefined ? {} : { immutableDays: parseDays('--immutable', immutable) };
      const body = { name, transporter, path, ...locked };
      const made = await director.call('createRepository', { body }, invocation.signal);
      printResult(invocation, json, made, () => `${made.id}\n`);
    });
}
