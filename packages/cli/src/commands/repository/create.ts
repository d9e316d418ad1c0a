import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  transporter: string;
  path: string;
  json?: boolean;
}

export function addRepositoryCreate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'create <name>',
    describe: 'make a repository in a folder of a target Transporter',
    examples: ['sealift repository create main --transporter vault --path /srv/sealift/main'],
  })
    .requiredOption('--transporter <name>', 'the target Transporter that will serve it')
    .requiredOption('--path <dir>', 'absolute path of a missing or empty folder there')
    .addOption(jsonOption())
    .action(async (name: string, { transporter, path, json }: Options) => {
      const director = await openDirector(invocation);
      const made = await director.call('createRepository', { body: { name, transporter, path } }, invocation.signal);
      printResult(invocation, json, made, () => `${made.id}\n`);
    });
}
