import type { Output } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../output/document.ts';
import { harmless, printable } from '../../output/printable.ts';
import { formatTable } from '../../output/table.ts';
import { formatBytes } from '../../output/units.ts';
import { openDirector } from '../../session/director.ts';
import type { Invocation } from '../../session/host.ts';
import { defineCommand, jsonOption } from '../define.ts';

export function addTransporterDisks(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'disks <name>',
    describe: 'show disks, partitions, filesystems and mount points of the machine of a source or an agent',
    examples: ['sealift transporter disks berlin', "sealift transporter disks berlin --json | jq '.devices[].path'"],
  })
    .addOption(jsonOption())
    .action(async (name: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const found = await director.call('getDisks', { params: { id: name } }, invocation.signal);
      printResult(invocation, json, found, () => formatDisks(found));
    });
}

const COLUMNS = ['device', 'type', 'size', 'filesystem', 'label', 'mounted at', 'part of', 'model'];

function formatDisks({ devices, notes }: Output<'getDisks'>): string {
  const columns = COLUMNS.map((title) => ({ title, align: title === 'size' ? ('right' as const) : ('left' as const) }));
  const rows = devices.map((one) => [
    printable(one.path),
    printable(one.type),
    formatBytes(one.size),
    printable(one.filesystem ?? (one.table === undefined ? '-' : `${one.table} table`)),
    printable(one.label ?? '-'),
    one.mountPoints.map(printable).join(' ') || '-',
    one.parents.map(printable).join(' ') || '-',
    printable(one.model ?? '-'),
  ]);
  return formatTable(columns, rows) + notes.map((note) => `${harmless(note)}\n`).join('');
}
