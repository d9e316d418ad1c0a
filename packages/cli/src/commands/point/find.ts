import type { EntryResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printLine } from '../../output/document.ts';
import { formatEntry } from '../../output/entry.ts';
import { parsePlaceInPoint, placeInPointQuery } from '../../output/entry-path.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { parseSize, parseTime } from '../amounts.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';
import { type PasswordOptions, withPointPassword } from '../with-password.ts';

interface Options extends PasswordOptions {
  name?: string;
  contains?: string;
  type?: EntryResource['kind'];
  larger?: string;
  smaller?: string;
  newer?: string;
  older?: string;
  json?: boolean;
}

const KINDS: EntryResource['kind'][] = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character', 'block'];

export function addPointFind(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'find <point> [folder]',
    describe: 'search a recovery point, or a folder of it, without restoring anything',
    examples: [
      "sealift point find 0198c3f2-7d4e-7a11-9c55-0242ac120002 --name '*.conf'",
      "sealift point find 0198c3f2-7d4e-7a11-9c55-0242ac120002 etc --name 'nginx/**/*.conf' --newer 7d",
      "sealift point find 0198c3f2-7d4e-7a11-9c55-0242ac120002 web.raw:/ --name '*.pem'",
      'sealift point find 0198c3f2-7d4e-7a11-9c55-0242ac120002 --contains invoice --larger 1M --newer 2026-01-01 --json',
    ],
    notes:
      'Everything that is given must hold. A pattern without a slash is for a name at any depth, one with a slash for a path\n' +
      'from the top; ** stands for any number of folders. Sizes are for files. Names are shown as by `sealift point ls`.\n' +
      'What lies inside a disk image is searched when the folder is DISK:/ or one on it.\n' +
      'A source Transporter that may read the point must be connected; it alone sees the sealed names, with the keys.',
  })
    .option('--name <pattern>', 'whose name, or path, matches')
    .option('--contains <text>', 'with this in the name, in upper or lower case')
    .addOption(choice('--type <kind>', 'of this kind', KINDS))
    .option('--larger <size>', 'of at least this size: 4096, 10M, 1.5GiB')
    .option('--smaller <size>', 'of at most this size')
    .option('--newer <time>', 'modified at or after: 2026-03-01, 2026-03-01T12:30 (UTC), or 7d ago')
    .option('--older <time>', 'modified before')
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .addOption(jsonOption('print one JSON object a line'))
    .action(async (id: string, folder: string | undefined, options: Options) => {
      const place = folder === undefined ? undefined : parsePlaceInPoint(folder);
      const query = { ...filterOf(options), ...(place === undefined ? {} : placeInPointQuery(place)) };
      const director = await openDirector(invocation);
      await withPointPassword(invocation, director, id, options);
      const input = { params: { id }, query: { ...query, limit: 500 } };
      for await (const entry of director.list('listMatches', input, invocation.signal)) {
        if (options.json === true) printLine(invocation, entry);
        else invocation.host.stdout.write(`${formatEntry(entry, place)}\n`);
      }
    });
}

function filterOf({ name, contains, type, larger, smaller, newer, older }: Options) {
  const now = Date.now();
  return {
    ...(name === undefined ? {} : { name }),
    ...(contains === undefined ? {} : { contains }),
    ...(type === undefined ? {} : { kind: type }),
    ...(larger === undefined ? {} : { larger: parseSize('--larger', larger) }),
    ...(smaller === undefined ? {} : { smaller: parseSize('--smaller', smaller) }),
    ...(newer === undefined ? {} : { newer: parseTime('--newer', newer, now).toISOString() }),
    ...(older === undefined ? {} : { older: parseTime('--older', older, now).toISOString() }),
  };
}
