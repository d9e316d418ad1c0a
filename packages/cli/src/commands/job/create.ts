import type { Command } from 'commander';
import { fail } from '../../failures.ts';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { BANDWIDTH_HELP, parseLimit } from '../bandwidth.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';
import { parsePlaces } from '../place.ts';
import { KEEP_HELP, parseDays, parseKeep, SCHEDULE_HELP } from './keep.ts';
import { addReadingOptions, type ReadingOptions, readingFields } from './reading.ts';

interface Options extends ReadingOptions {
  source: string[];
  repository: string;
  encryption: 'in-flight' | 'source-side';
  password?: string;
  compression?: string;
  exclude?: string[];
  bandwidth?: string;
  schedule?: string;
  keep?: string;
  immutable?: string;
  yes?: boolean;
  json?: boolean;
}

export function addJobCreate(parent: Command, invocation: Invocation): void {
  const command = defineCommand(parent, {
    usage: 'create <name>',
    describe: 'make a backup job',
    examples: [
      'sealift job create web --source berlin:/var/www --repository main --encryption in-flight',
      'sealift job create mail --source berlin:/srv/mail --repository main --encryption source-side --password archive',
      "sealift job create home --source berlin:/home --repository main --encryption in-flight --exclude '*.tmp' '/cache/'",
      'sealift job create db --source berlin:/srv/db --repository main --encryption in-flight --keep last=3,daily=7,weekly=4 --immutable 14',
      "sealift job create etc --source berlin:/etc --repository main --encryption in-flight --schedule '30 2 * * *'",
    ],
    notes:
      'in-flight: the target reads the data, nobody between can. source-side: only who has the password can.\n' +
      'A pattern without a slash excludes a name at any depth; with one, a path from the root of the source.',
  })
    .requiredOption('--source <place...>', 'what to protect, TRANSPORTER:PATH; repeat for more paths of the same')
    .requiredOption('--repository <name>', 'where to')
    .addOption(choice('--encryption <mode>', 'who can read it', ['in-flight', 'source-side']).makeOptionMandatory())
    .option('--password <name>', 'encryption password, for source-side')
    .option('--compression <codec>', 'auto, zstd, zstd:LEVEL, lz4 or none')
    .option('--exclude <pattern...>', 'what to leave out');
  addReadingOptions(command)
    .option('--bandwidth <limit>', BANDWIDTH_HELP)
    .option('--schedule <cron>', SCHEDULE_HELP)
    .option('--keep <rule>', KEEP_HELP)
    .option('--immutable <days>', 'have the target lock each recovery point for so many days: nobody can remove it')
    .option('--yes', 'the rule is meant, even if it keeps hardly anything')
    .addOption(jsonOption())
    .action(async (name: string, options: Options) => {
      const body = { name, ...jobFields(options) };
      const director = await openDirector(invocation);
      const made = await director.call('createJob', { body }, invocation.signal);
      printResult(invocation, options.json, made, () => `${made.id}\n`);
    });
}

function keepingFields({ schedule, keep, immutable, yes }: Options) {
  const rule = keep === undefined ? null : parseKeep(keep);
  return {
    ...(schedule === undefined || schedule === 'none' ? {} : { schedule }),
    ...(rule === null ? {} : { keep: rule }),
    ...(immutable === undefined ? {} : { immutableDays: parseDays('--immutable', immutable) }),
    ...(yes === undefined ? {} : { confirm: yes }),
  };
}

function limitField(text: string | undefined): { bandwidth?: string } {
  const bandwidth = text === undefined ? null : parseLimit(text);
  return bandwidth === null ? {} : { bandwidth };
}

function jobFields(options: Options) {
  const { source, repository, encryption, password, compression, exclude } = options;
  const needsPassword = encryption === 'source-side';
  if (needsPassword !== (password !== undefined)) {
    throw fail('usage', needsPassword ? 'source-side needs --password NAME' : 'in-flight takes no --password');
  }
  return {
    source: parsePlaces('--source', source),
    repository,
    encryption,
    ...(password === undefined ? {} : { password }),
    ...(compression === undefined ? {} : { compression }),
    ...(exclude === undefined ? {} : { exclude }),
    ...limitField(options.bandwidth),
    ...readingFields(options),
    ...keepingFields(options),
  };
}
