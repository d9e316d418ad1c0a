import { readFile } from 'node:fs/promises';
import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PathWarning, PointOptions, Unlock, WaysToKeys } from '@sealift/pipeline';
import type { PointRecord, Repository, Store } from '@sealift/repository';
import type { Progress } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { fail } from '../failures.ts';
import { printResult } from '../output/document.ts';
import { showPath } from '../output/entry-path.ts';
import { nbdUri } from '../output/nbd-uri.ts';
import { harmless, printable } from '../output/printable.ts';
import { type ProgressLine, progressLine } from '../output/progress.ts';
import { formatTable } from '../output/table.ts';
import { formatBytes, formatTime } from '../output/units.ts';
import { readSecret } from '../secrets/read-secret.ts';
import { type Invocation, say } from '../session/host.ts';
import { choice, defineCommand, jsonOption } from './define.ts';

interface Options {
  repository: string;
  s3Credentials?: string;
  list?: boolean;
  point: string;
  to?: string;
  serve?: string;
  disk?: string[];
  only?: string[];
  overwrite: 'never' | 'older' | 'always';
  kms?: string[];
  passwordFile?: string;
  keyFile?: string;
  ca?: string;
  json?: boolean;
}

export function addRecover(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'recover',
    describe: 'restore from a repository alone: no Director, no Transporter',
    examples: [
      'sealift recover --repository /mnt/usb/main --list',
      'sealift recover --repository /mnt/usb/main --to /srv/restored',
      'sealift recover --repository /mnt/usb/main --point 0198c3f2-7d4e-7a11-9c55-0242ac120002 --to /srv/restored \\\n' +
        "    --only 'mail/**' --password-file /run/secrets/archive",
      'sealift recover --repository /mnt/usb/main --to /srv/restored --key-file /mnt/safe/main.key',
      'sealift recover --repository /mnt/usb/main --to /srv/restored \\\n' +
        "    --kms 'pkcs11:token=main;object=hashes?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/root/pin'",
      'sealift recover --repository /mnt/usb/main --serve /run/web.sock --disk web.raw',
      "sealift recover --repository 's3://backups/site-1?endpoint=https://s3.example.net' --s3-credentials keys --list",
    ],
    notes:
      'With --serve nothing is restored: disks are served over NBD, read-only, until you press Ctrl-C.\n' +
      'The repository is only read. --key-file and --kms are tried first, then the password, which is asked for. Points\n' +
      'with source-side encryption open by the service or file that the Director had as its `kms` when they were made, or by\n' +
      'their password. Others, in a repository that is encrypted at rest, open by whatever opens one of its key slots.\n' +
      'Exit status 3: something was damaged or could not be written; each file is named, the rest is restored.',
  })
    .requiredOption('--repository <dir>', 'folder of the repository or of a copy of it, or its s3:// address')
    .option('--s3-credentials <file>', 'keys for S3, in the format of ~/.aws/credentials (default: that file)')
    .option('--list', 'list its recovery points')
    .option('--point <id>', 'which recovery point', 'latest')
    .option('--to <dir>', 'folder to restore into')
    .option('--only <pattern...>', 'only what matches')
    .option('--serve <socket>', 'serve its disks over NBD at this unix socket')
    .option('--disk <path...>', 'with --serve, which disks (default: all that are sources)')
    .addOption(choice('--overwrite <rule>', 'files that exist', ['never', 'older', 'always']).default('never'))
    .option('--kms <address...>', 'key management service, as in the configuration of the Director')
    .option('--password-file <file>', 'take the password from a file, or from standard input with -')
    .option('--key-file <file>', 'key file: of a slot of the repository, or the one that the Director had as its `kms`')
    .option('--ca <file>', 'refuse a point that no source of this authority (its ca.pem) has signed')
    .addOption(jsonOption())
    .action(async (options: Options) => {
      if ([options.list, options.to, options.serve].filter((wanted) => wanted !== undefined).length !== 1) {
        throw fail('usage', 'recover needs --to DIR, --serve SOCKET, or --list to show the recovery points');
      }
      await using repository = await openForReading(invocation, options);
      if (options.list === true) await listPoints(invocation, repository, options.json);
      else if (options.serve !== undefined) await serveDisks(invocation, repository, options, options.serve);
      else await restore(invocation, repository, options, options.to as string);
    });
}

async function openForReading(invocation: Invocation, options: Options): Promise<Repository> {
  const { openRepository } = await import('@sealift/repository');
  const store = await storeOf(invocation, options);
  const repository = await openRepository(store, { holder: crypto.randomUUID(), readOnly: true });
  for (const problem of repository.problems) {
    say(invocation, `warning: ${harmless(problem.message)} (${problem.code})`);
    invocation.exitCode = EXIT.warnings;
  }
  return repository;
}

async function storeOf({ host }: Invocation, { repository, s3Credentials }: Options): Promise<Store> {
  const { credentialsInFile, filesystemStore, isS3Address, parseS3Address, s3Store } = await import(
    '@sealift/repository'
  );
  if (!isS3Address(repository)) return filesystemStore(resolve(host.cwd, repository));
  const address = parseS3Address(repository);
  const file = s3Credentials === undefined ? join(homedir(), '.aws', 'credentials') : resolve(host.cwd, s3Credentials);
  return s3Store(address, { credentials: credentialsInFile(file, address.profile) });
}

async function listPoints(invocation: Invocation, repository: Repository, json: boolean | undefined): Promise<void> {
  const points = (await repository.points()).sort((a, b) => b.receivedAt - a.receivedAt);
  printResult(invocation, json, { repository: repository.id, items: points.map(describePoint) }, () =>
    formatTable(
      ['point', 'made', 'encryption', 'job', 'sequence'].map((title) => ({ title })),
      points.map((point) => [point.id, formatTime(point.createdAt), point.mode, point.jobId, String(point.sequence)]),
    ),
  );
}

function describePoint({ id, hash, createdAt, receivedAt, mode, jobId, sourceId, sequence }: PointRecord) {
  const times = { createdAt: new Date(createdAt).toISOString(), receivedAt: new Date(receivedAt).toISOString() };
  return { id, ...times, mode, job: jobId, source: sourceId, sequence, hash: hash.toString('hex') };
}

async function restore(invocation: Invocation, repository: Repository, options: Options, to: string): Promise<void> {
  const { host, signal } = invocation;
  const { recoverFromRepository } = await import('@sealift/pipeline');
  const destination = resolve(host.cwd, to);
  const point = await pointOptions(invocation, repository, options);
  using line = progressLine(host, 'recover');
  const { manifest, progress } = await recoverFromRepository(
    repository,
    {
      ...point,
      destination,
      only: options.only ?? [],
      overwrite: options.overwrite,
      workers: availableParallelism(),
      onProgress: (progress) => showProgress(line, progress),
      onWarning: (warning) => tellWarning(invocation, warning),
    },
    signal,
  );
  const { pointId, mode, createdAt } = manifest;
  const { files, warnings, bytesRead: bytes } = progress;
  const made = new Date(createdAt).toISOString();
  printResult(
    invocation,
    options.json,
    { point: pointId, mode, made, destination, files, bytes, warnings },
    () => `restored ${files} files, ${formatBytes(bytes)}, of ${pointId} (${mode}) to ${printable(destination)}\n`,
  );
}

async function pointOptions(
  invocation: Invocation,
  repository: Repository,
  options: Options,
): Promise<PointOptions & { unlock: Unlock }> {
  const { keysForRecovery, unlockForRecovery } = await import('@sealift/pipeline');
  const { ca } = options;
  const authority = ca === undefined ? {} : { authority: await readFile(resolve(invocation.host.cwd, ca), 'utf8') };
  const ways = waysToKeys(invocation, options);
  return {
    pointId: options.point,
    ...authority,
    keys: keysForRecovery(ways('Encryption password'), repository),
    unlock: unlockForRecovery(ways('Repository password')),
  };
}

async function serveDisks(
  invocation: Invocation,
  repository: Repository,
  options: Options,
  socket: string,
): Promise<void> {
  const { host, signal } = invocation;
  const { serveDisksOfRepository } = await import('@sealift/pipeline');
  const path = resolve(host.cwd, socket);
  await serveDisksOfRepository(
    repository,
    {
      ...(await pointOptions(invocation, repository, options)),
      disks: (options.disk ?? []).map((disk) => Buffer.from(disk)),
      listen: { path },
      onServing: ({ disks }) => {
        const served = disks.map(({ name, size }) => ({ name, size, address: nbdUri(path, name) }));
        printResult(invocation, options.json, { socket: path, disks: served }, () =>
          served.map(({ address }) => `${address}\n`).join(''),
        );
      },
      onFailure: ({ message, code }) => say(invocation, `warning: ${harmless(message)} (${code})`),
    },
    signal,
  );
}

/** The password is asked for under this name. */
function waysToKeys(invocation: Invocation, { keyFile, kms, passwordFile }: Options): (label: string) => WaysToKeys {
  const read = (file: string) => readSecret(invocation, { label: `The key file ${file}`, file });
  return (label) => ({
    keyFile: keyFile === undefined ? undefined : { name: keyFile, read: () => read(keyFile) },
    services: kms,
    password: () => readSecret(invocation, { label, file: passwordFile }),
    onService: ({ message, code }) => say(invocation, `warning: ${harmless(message)} (${code})`),
  });
}

function showProgress(line: ProgressLine, { phase, files, bytesRead, bytesTotal }: Progress): void {
  line.show({ phase, files, done: bytesRead, total: bytesTotal });
}

function tellWarning(invocation: Invocation, { path, code, message }: PathWarning): void {
  const shown = showPath({ path: path.toString(), pathBytes: path.toString('base64url') });
  say(invocation, `warning: ${shown}: ${harmless(message)} (${code})`);
  invocation.exitCode = EXIT.warnings;
}
