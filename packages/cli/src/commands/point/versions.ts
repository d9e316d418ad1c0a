import type { RestClient, VersionResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printLine } from '../../output/document.ts';
import { modifiedAt } from '../../output/entry.ts';
import { pathQuery } from '../../output/entry-path.ts';
import { harmless } from '../../output/printable.ts';
import { formatBytes, formatTime } from '../../output/units.ts';
import { readSecret } from '../../secrets/read-secret.ts';
import { allItems, openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  job: string;
  passwordFile?: string;
  json?: boolean;
}

export function addPointVersions(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'versions <path>',
    describe: 'tell which recovery points of a job have a file, and in which version',
    examples: [
      'sealift point versions www/index.html --job web',
      "sealift point versions 'etc/nginx/nginx.conf' --job web --json",
    ],
    notes:
      'Newest first. Points with the same number in the first column have the same content, by where it is stored; that is\n' +
      'told without reading it. Exit status 3: some point could not be looked into; each is named.',
  })
    .requiredOption('--job <name>', 'whose recovery points')
    .option('--password-file <file>', 'encryption password where none is kept, from a file or - for standard input')
    .addOption(jsonOption('print one JSON object a line'))
    .action(async (path: string, { job, passwordFile, json }: Options) => {
      const director = await openDirector(invocation);
      if (passwordFile !== undefined) await givePassword(invocation, director, job, passwordFile);
      const input = { params: { id: job }, query: pathQuery(path.replace(/\/+$/, '')) };
      const known = new Map<string, number>();
      for await (const version of director.list('listVersions', input, invocation.signal)) {
        if (version.problem !== undefined) tellProblem(invocation, version);
        if (json === true) printLine(invocation, version);
        else invocation.host.stdout.write(formatVersion(version, known));
      }
    });
}

/** Points that open without it are left alone. */
async function givePassword(invocation: Invocation, director: RestClient, job: string, file: string): Promise<void> {
  const { signal } = invocation;
  const password = await readSecret(invocation, { label: 'Encryption password', file });
  for (const { id } of await allItems(director, 'listPoints', { query: { job } }, signal)) {
    const { passwordNeeded } = await director.call('getPoint', { params: { id } }, signal);
    if (passwordNeeded !== true) continue;
    await director.call('givePointPassword', { params: { id }, body: { password } }, signal);
  }
}

function tellProblem(invocation: Invocation, { point, problem }: VersionResource): void {
  say(invocation, `warning: ${point}: ${harmless(problem?.message ?? '')} (${problem?.code})`);
  invocation.exitCode = EXIT.warnings;
}

function formatVersion({ point, createdAt, entry, problem }: VersionResource, known: Map<string, number>): string {
  const head = `${point}  ${formatTime(createdAt)}`;
  if (entry === undefined) return `${problem === undefined ? '-' : '?'}  ${head}\n`;
  const version = entry.content ?? entry.linkTarget ?? entry.kind;
  if (!known.has(version)) known.set(version, known.size + 1);
  return `${known.get(version)}  ${head}  ${formatBytes(entry.size).padStart(9)}  modified ${modifiedAt(entry)}\n`;
}
