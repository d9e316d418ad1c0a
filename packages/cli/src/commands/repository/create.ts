import type { SlotRequest } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';
import { parseDays } from '../job/keep.ts';
import { askForSlot } from './key/ask-for-slot.ts';
import { type PlaceOptions, placeOf } from './place-of.ts';

interface Options extends PlaceOptions {
  transporter: string;
  encrypt?: 'password' | 'kms';
  passwordFile?: string;
  keep?: 'hash' | 'never';
  acceptWeak?: boolean;
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
      'sealift repository create vault --transporter vault --path /srv/sealift/vault --encrypt kms',
    ],
    notes:
      'Keys for object storage are never given here: the target looks them up by the name in `credentials` (or default)\n' +
      'in its own file, which has the format of ~/.aws/credentials. See s3Credentials of `transporter serve`.\n' +
      '`&class=STANDARD_IA` stores the bulk of the data in that storage class. The bucket must exist.\n' +
      'With --encrypt the target seals what it writes: a copy of the repository is worth nothing to a thief. The choice is\n' +
      'made once. --encrypt password asks for a password of the repository, --encrypt kms has the service of the Director\n' +
      'wrap its key; more ways can be added: sealift repository key add.',
  })
    .requiredOption('--transporter <name>', 'the target Transporter that will serve it')
    .option('--path <dir>', 'absolute path of a missing or empty folder there')
    .option('--s3 <address>', 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&credentials=NAME')
    .addOption(choice('--encrypt <how>', 'encrypt at rest, opened by a password or the KMS', ['password', 'kms']))
    .option('--password-file <file>', 'take the password of the repository from a file, or from standard input with -')
    .addOption(
      choice('--keep <what>', 'the password: keep its wrapped hash to unlock by, or nothing', ['hash', 'never']),
    )
    .option('--accept-weak', 'take a password that is easily guessed')
    .option('--immutable <days>', 'lock each recovery point for so many days at least; this is only ever lengthened')
    .addOption(jsonOption())
    .action(async (name: string, { transporter, immutable, json, ...options }: Options) => {
      const path = placeOf('create', options);
      const director = await openDirector(invocation);
      const first = options.encrypt === undefined ? {} : { encryption: await firstSlot(invocation, options) };
      const locked = immutable === undefined ? {} : { immutableDays: parseDays('--immutable', immutable) };
      const body = { name, transporter, path, ...first, ...locked };
      const made = await director.call('createRepository', { body }, invocation.signal);
      printResult(invocation, json, made, () => `${made.id}\n`);
    });
}

function firstSlot(
  invocation: Invocation,
  { encrypt, passwordFile, keep, acceptWeak }: Omit<Options, 'transporter'>,
): Promise<SlotRequest> {
  if (encrypt === 'kms') return askForSlot(invocation, { kms: true });
  const answers = { ...(keep === undefined ? {} : { keep }), ...(acceptWeak === true ? { acceptWeak } : {}) };
  return askForSlot(invocation, { password: true, passwordFile, ...answers });
}
