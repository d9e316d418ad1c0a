import type { Command } from 'commander';
import { printLine } from '../../output/document.ts';
import { formatEntry } from '../../output/entry.ts';
import { parsePlaceInPoint, placeInPointQuery } from '../../output/entry-path.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { type PasswordOptions, withPointPassword } from '../with-password.ts';

interface Options extends PasswordOptions {
  json?: boolean;
}

export function addPointLs(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'ls <point> [folder]',
    describe: 'list a folder of a recovery point',
    examples: [
      'sealift point ls 0198c3f2-7d4e-7a11-9c55-0242ac120002',
      'sealift point ls 0198c3f2-7d4e-7a11-9c55-0242ac120002 www/images',
      "sealift point ls 0198c3f2-7d4e-7a11-9c55-0242ac120002 'old\\xe4'",
      'sealift point ls 0198c3f2-7d4e-7a11-9c55-0242ac120002 web.raw:/1/etc',
      'sealift point ls 0198c3f2-7d4e-7a11-9c55-0242ac120002 --password-file /run/secrets/archive',
    ],
    notes:
      'Names are shown, and taken, with bytes that are not printable UTF-8 as \\xNN and a backslash as two.\n' +
      'DISK:/ are the partitions on a disk image, or what lies on one without any; DISK:/1/etc is a folder on the first.\n' +
      'Read are ext2, ext3, ext4 and FAT; of others the partition can be downloaded. The image is not restored for that.\n' +
      'A source Transporter that may read the point must be connected. Where the Director keeps no hash of the password,\n' +
      'it is asked for; once given, it is kept in memory for a quarter of an hour.',
  })
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .addOption(jsonOption('print one JSON object a line'))
    .action(async (id: string, folder: string | undefined, options: Options) => {
      const director = await openDirector(invocation);
      await withPointPassword(invocation, director, id, options);
      const place = folder === undefined ? undefined : parsePlaceInPoint(folder);
      const query = place === undefined ? {} : placeInPointQuery(place);
      for await (const entry of director.list('listEntries', { params: { id }, query }, invocation.signal)) {
        if (options.json === true) printLine(invocation, entry);
        else invocation.host.stdout.write(`${formatEntry(entry, place)}\n`);
      }
    });
}
