import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatTime } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { choice, defineCommand, jsonOption } from '../define.ts';

interface Options {
  role: 'source' | 'target' | 'agent';
  json?: boolean;
}

export function addTransporterToken(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'token <name>',
    describe: 'make a one-time token with which a new Transporter enrols',
    examples: [
      'sealift transporter token berlin --role source',
      'sealift transporter token vault --role target > /run/secrets/sealift-token',
    ],
    notes: 'The token is shown once, works once, and only for a Transporter of this name and role.',
  })
    .addOption(choice('--role <role>', 'what it will be', ['source', 'target', 'agent']).makeOptionMandatory())
    .addOption(jsonOption())
    .action(async (name: string, { role, json }: Options) => {
      const director = await openDirector(invocation);
      const made = await director.call('createToken', { body: { name, role } }, invocation.signal);
      printResult(invocation, json, made, () => `${made.token}\n`);
      invocation.host.stderr.write(`good until ${formatTime(made.expiresAt)} UTC\n`);
    });
}
