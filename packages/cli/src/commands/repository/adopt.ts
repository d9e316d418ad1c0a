import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AdoptionResource } from '@sealift/wire';
import type { Command } from 'commander';
import { EXIT } from '../../exit-codes.ts';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { openDirector } from '../../session/director.ts';
import { type Invocation, say } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';
import { type PlaceOptions, placeOf } from './place-of.ts';

interface Options extends PlaceOptions {
  transporter: string;
  authority?: string[];
  json?: boolean;
}

export function addRepositoryAdopt(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'adopt <name>',
    describe: 'take over a repository that another Director had, with its recovery points',
    examples: [
      'sealift repository adopt main --transporter vault --path /srv/sealift/main --authority old-ca.pem',
      'sealift repository adopt main --transporter vault --path /srv/sealift/main',
    ],
    notes:
      'Give the ca.pem of the old Director where it is kept: then only points made under it are taken. Without it the\n' +
      'authorities that the repository holds are taken, this once, and shown: compare them with what you know.\n' +
      'Jobs of the old Director appear as adopted-…; they can be restored from, not run. It may be repeated.\n' +
      'Exit status 3: some points were not taken; each is named, with its reason.',
  })
    .requiredOption('--transporter <name>', 'the target Transporter that will serve it')
    .option('--path <dir>', 'absolute path of the repository there')
    .option('--s3 <address>', 's3://BUCKET/PREFIX?endpoint=URL&region=REGION&credentials=NAME')
    .option('--authority <file...>', 'ca.pem of the Director that had it')
    .addOption(jsonOption())
    .action(async (name: string, { transporter, authority, json, ...where }: Options) => {
      const { host, signal } = invocation;
      const files = (authority ?? []).map((file) => readFile(resolve(host.cwd, file), 'utf8'));
      const authorities = await Promise.all(files);
      const body = {
        name,
        transporter,
        path: placeOf('adopt', where),
        ...(authorities.length === 0 ? {} : { authorities }),
      };
      const director = await openDirector(invocation);
      const adoption = await director.call('adoptRepository', { body }, signal);
      warn(invocation, adoption);
      printResult(invocation, json, adoption, () => formatAdoption(adoption));
    });
}

function warn(invocation: Invocation, { refused, refusals, jobs }: AdoptionResource): void {
  for (const { point, code, message } of refusals) {
    say(invocation, `warning: ${point} was not taken: ${harmless(message)} (${code})`);
  }
  if (refused > refusals.length) say(invocation, `warning: ${refused - refusals.length} more were not taken`);
  const incomplete = jobs.filter(({ missing }) => missing > 0);
  for (const { name, missing } of incomplete) {
    say(
      invocation,
      `warning: ${missing} recovery points of ${printable(name)} are not there: removed, lost or kept back`,
    );
  }
  if (refused > 0) invocation.exitCode = EXIT.warnings;
}

function formatAdoption({ added, known, jobs, authorities }: AdoptionResource): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [{ title: 'job' }, { title: 'source' }, { title: 'encryption' }, right('points'), right('missing')];
  const table = formatTable(
    columns,
    jobs.map((job) => [printable(job.name), job.source, job.encryption, String(job.points), String(job.missing)]),
  );
  const told = authorities.map(({ fingerprint, given, points }) => {
    const how = given ? 'given' : 'found in the repository: compare it with what you know of the old Director';
    return `authority ${fingerprint}: ${points} points (${how})\n`;
  });
  return `${added} recovery points taken over, ${known} known before\n${told.join('')}${table}`;
}
