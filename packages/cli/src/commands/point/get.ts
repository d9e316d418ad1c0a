import type { DownloadPart } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { parsePlaceInPoint, parseShownPath, placeInPointQuery, showPath } from '../../output/entry-path.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatBytes } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { choice, defineCommand } from '../define.ts';
import { type PasswordOptions, withPointPassword } from '../with-password.ts';
import { type Output, openOutput } from './download-output.ts';

interface Options extends PasswordOptions {
  format: 'auto' | 'file' | 'tar' | 'zip';
  output?: string;
  via?: string;
  force?: boolean;
}

export function addPointGet(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'get <point> <path>',
    describe: 'download a file, or a folder as tar or zip, without restoring anything',
    examples: [
      'sealift point get 0198c3f2-7d4e-7a11-9c55-0242ac120002 www/index.html',
      'sealift point get 0198c3f2-7d4e-7a11-9c55-0242ac120002 www --format zip -o website.zip',
      'sealift point get 0198c3f2-7d4e-7a11-9c55-0242ac120002 web.raw:/1/etc/hosts',
      'sealift point get 0198c3f2-7d4e-7a11-9c55-0242ac120002 www -o - | tar -x --xattrs --same-owner',
    ],
    notes:
      'A file comes as it is, a folder as tar unless told otherwise. A tar archive holds owners, permissions, times, extended\n' +
      'attributes with ACLs, links, holes and devices; zip holds files, folders and symbolic links. A source Transporter opens\n' +
      'the recovery point and seals what it sends to a key of this command: the Director passes on what it cannot read.\n' +
      'DISK:/1/etc/hosts is a file on the first partition of a disk image, as shown by `sealift point ls`.\n' +
      'Exit status 3: something in an archive was damaged or has no place in it; each is named.',
  })
    .addOption(choice('--format <format>', 'how it is packed', ['auto', 'file', 'tar', 'zip']).default('auto'))
    .option('-o, --output <file>', 'where to write it; - for standard output (default: its name, in this folder)')
    .option('--via <transporter>', 'the source Transporter that sends it (default: the one that made the point)')
    .option('--force', 'replace a file that exists')
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .action(async (id: string, text: string, options: Options) => {
      const place = parsePlaceInPoint(text);
      const path = parseShownPath(place.path);
      const inside = place.inside === undefined ? undefined : parseShownPath(place.inside);
      const director = await openDirector(invocation);
      await withPointPassword(invocation, director, id, options);
      const { createTaskKeyPair } = await import('@sealift/crypto');
      const { downloadContext, readDownload } = await import('@sealift/wire');
      const { format, via, output, force = false } = options;
      const pair = createTaskKeyPair();
      const body = {
        ...placeInPointQuery(place),
        format,
        publicKey: pair.publicKey.toString('base64url'),
        ...(via === undefined ? {} : { transporter: via }),
      };
      const sealed = await director.download(id, body, invocation.signal);
      const parts = readDownload(sealed, pair, downloadContext({ pointId: id, path, inside, format }));
      await writeParts(invocation, parts, {
        output,
        force,
        name: showPath({ path: nameIn(inside?.length ? inside : path) }),
      });
    });
}

/** For a file here: what is not UTF-8 in the name is replaced. */
function nameIn(path: Buffer): string {
  return path.toString('utf8', path.lastIndexOf('/') + 1);
}

interface Target {
  output: string | undefined;
  force: boolean;
  name: string;
}

async function writeParts(
  invocation: Invocation,
  parts: AsyncIterable<DownloadPart>,
  { output, force, name }: Target,
): Promise<void> {
  let file: Output | undefined;
  try {
    for await (const part of parts) {
      if (part.kind === 'head') {
        const suffix = part.head.format === 'file' ? '' : `.${part.head.format}`;
        file = await openOutput(invocation.host, output ?? `./${name}${suffix}`, force);
      } else if (part.kind === 'data') await file?.write(part.bytes);
      else tellMissed(invocation, part);
    }
    await file?.finish();
  } catch (thrown) {
    await file?.discard();
    throw thrown;
  }
  if (file?.path !== undefined) say(invocation, `${printable(file.path)}, ${formatBytes(file.bytes)}`);
}

function tellMissed(invocation: Invocation, { path, code, message }: Extract<DownloadPart, { kind: 'warning' }>): void {
  const shown = showPath({ path: path.toString(), pathBytes: path.toString('base64url') });
  say(invocation, `warning: ${shown}: ${harmless(message)} (${code})`);
  invocation.exitCode = EXIT.warnings;
}
