import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { allItems, openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addJobList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list',
    describe: 'list the backup jobs',
    examples: ['sealift job list', 'sealift job list --json'],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { json?: boolean }) => {
      const items = await allItems(await openDirector(invocation), 'listJobs', {}, invocation.signal);
      const columns = ['name', 'source', 'repository', 'encryption', 'password', 'paths'].map((title) => ({ title }));
      printResult(invocation, json, { items }, () =>
        formatTable(
          columns,
          items.map((job) => [
            printable(job.name),
            printable(job.source.transporter.name),
            printable(job.repository.name),
            job.encryption,
            printable(job.password?.name ?? '-'),
            job.adopted === true ? '(of another Director)' : job.source.paths.map(printable).join(' '),
          ]),
        ),
      );
    });
}
