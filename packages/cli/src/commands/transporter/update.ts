import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { formatTransporter } from '../../output/transporter.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { BANDWIDTH_HELP, BANDWIDTH_NOTES, parseLimit } from '../bandwidth.ts';
import { defineCommand, jsonOption } from '../define.ts';

interface Options {
  bandwidth: string;
  json?: boolean;
}

export function addTransporterUpdate(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'update <name>',
    describe: 'limit what a Transporter sends, and what is sent to it',
    examples: [
      "sealift transporter update berlin --bandwidth '20M; mon-fri 08:00-18:00 2M'",
      'sealift transporter update berlin --bandwidth 512K',
      'sealift transporter update berlin --bandwidth none',
    ],
    notes:
      'All links of the Transporter share the limit: backups, restores and copies. Of what comes to it, each Transporter that\n' +
      `sends keeps to the limit by itself. A job can have a limit of its own: sealift job update.\n${BANDWIDTH_NOTES}`,
  })
    .requiredOption('--bandwidth <limit>', BANDWIDTH_HELP)
    .addOption(jsonOption())
    .action(async (id: string, { bandwidth, json }: Options) => {
      const body = { bandwidth: parseLimit(bandwidth) };
      const director = await openDirector(invocation);
      const changed = await director.call('updateTransporter', { params: { id }, body }, invocation.signal);
      printResult(invocation, json, changed, () => formatTransporter(changed));
    });
}
