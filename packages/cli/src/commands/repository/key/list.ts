import type { RepositoryResource } from '@sealift/wire';
import type { Command } from 'commander';
import { printResult } from '../../../output/document.ts';
import { printable } from '../../../output/printable.ts';
import { formatTable } from '../../../output/table.ts';
import { openDirector } from '../../../session/director.ts';
import type { Invocation } from '../../../session/host.ts';
import { defineCommand, jsonOption } from '../../define.ts';

export function addKeyList(parent: Command, invocation: Invocation): void {
  defineCommand(parent, {
    usage: 'list <repository>',
    describe: 'list the ways to unlock a repository',
    examples: ['sealift repository key list main'],
  })
    .addOption(jsonOption())
    .action(async (repository: string, { json }: { json?: boolean }) => {
      const director = await openDirector(invocation);
      const shown = await director.call('getRepository', { params: { id: repository } }, invocation.signal);
      printResult(invocation, json, { items: shown.encryption?.slots ?? [] }, () => formatSlots(shown));
    });
}

/** The state of its encryption, and a line a slot. */
export function formatSlots({ name, encryption }: RepositoryResource): string {
  if (encryption === undefined) return `${printable(name)} is not encrypted at rest, or its target is away\n`;
  const reason = encryption.reason === undefined ? '' : `: ${printable(encryption.reason)}`;
  const earlier = encryption.earlier.length === 0 ? '' : `, older data under ${encryption.earlier.join(', ')}`;
  const state = `${encryption.locked ? `locked${reason}` : 'unlocked'}, master key ${encryption.epoch}${earlier}\n`;
  const rows = encryption.slots.map(({ id, kind, label, kept, kms }) => {
    const where = kms === undefined ? (kept ? 'by the Director' : '') : `${kms.provider} ${kms.keyRef}`;
    return [printable(label), kind, printable(where), id];
  });
  return (
    state +
    formatTable(
      ['label', 'kind', 'unlocked', 'id'].map((title) => ({ title })),
      rows,
    )
  );
}
