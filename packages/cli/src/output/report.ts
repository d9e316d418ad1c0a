import type { RunResource } from '@sealift/wire';
import { harmless } from './printable.ts';
import { formatBytes, formatTime } from './units.ts';

type Report = NonNullable<RunResource['report']>;

/** Fields that a task on a repository adds to what is shown of its run. */
export function reportFields(report: Report | undefined): [name: string, value: string | undefined][] {
  if (report === undefined) return [];
  if (report.kind === 'collect') return [...collectFields(report), ['next', harmless(report.next)]];
  if (report.kind === 'rotate-master-key') return [...rotationFields(report), ['next', harmless(report.next)]];
  if (report.kind === 'copy') return [...copyFields(report), ['next', harmless(report.next)]];
  const fields = report.kind === 'verify' ? verifyFields(report) : repairFields(report);
  return [...fields, ['points touched', String(report.affectedPoints)], ['next', harmless(report.next)]];
}

function collectFields(report: Report & { kind: 'collect' }): [string, string][] {
  const { packsDead, packsRepacked, bytesBefore, bytesAfter, bytesFreed, bytesRepacked, bytesWaiting } = report;
  return [
    ['dry run', report.dryRun ? 'yes: nothing was changed' : 'no'],
    ['freed', formatBytes(bytesFreed)],
    ['stored', `${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} after`],
    ['packs', `${packsDead} deleted, ${packsRepacked} rewritten (${formatBytes(bytesRepacked)} copied)`],
    ['waiting', `${formatBytes(bytesWaiting)} that no recovery point needs`],
    ['points', String(report.points)],
  ];
}

function rotationFields({ masterKey, earlier, packsSealed, bytesSealed }: Report & { kind: 'rotate-master-key' }) {
  const fields: [string, string][] = [
    ['master key', String(masterKey)],
    ['still needed', earlier.length === 0 ? 'none before it' : earlier.join(', ')],
    ['sealed anew', `${formatBytes(bytesSealed)} in ${packsSealed} packs`],
  ];
  return fields;
}

function copyFields({ copied, alreadyThere, left, chunks, bytes }: Report & { kind: 'copy' }): [string, string][] {
  return [
    ['copied points', `${copied.length}, ${alreadyThere} of them were there`],
    ['left points', String(left)],
    ['copied chunks', `${chunks}, ${formatBytes(bytes)}`],
  ];
}

function repairFields(report: Report & { kind: 'repair' }): [string, string][] {
  return [
    ['dry run', report.dryRun ? 'yes: nothing was changed' : 'no'],
    ['flawed packs', String(report.packsFlawed)],
    ['saved chunks', String(report.chunksSaved)],
    ['lost chunks', String(report.chunksLost)],
    ['files mended', `${report.filesMended}, ${report.filesLeft} stay damaged`],
    ...report.steps.map(({ file, message }): [string, string] => ['step', harmless(`${file}: ${message}`)]),
  ];
}

function verifyFields(report: Report & { kind: 'verify' }): [string, string][] {
  const { packs, packsRead, chunksRead, points, idsProven, idsSealed, verifiedSince } = report;
  return [
    ['packs', `${packsRead} of ${packs} read, ${chunksRead} chunks`],
    ['ids', `${idsProven} made again from the contents, ${idsSealed} only a holder of the password can make again`],
    ['points', `${points} read`],
    ['all read since', verifiedSince === undefined ? 'not everything yet' : `${formatTime(isoOf(verifiedSince))} UTC`],
    ['damaged files', String(report.damagedFiles)],
    ['lost chunks', String(report.damagedChunks + report.missingChunks)],
  ];
}

/** One line for each recovery point that damage touches. */
export function affectedLines(report: Report | undefined): string[] {
  if (report === undefined || !('affected' in report)) return [];
  const lines = report.affected.map(
    ({ point, job, chunks }) => `recovery point ${point} of job ${job} refers to lost chunks ${chunks} times`,
  );
  const more = report.affectedPoints - lines.length;
  return more > 0 ? [...lines, `and ${more} more recovery points`] : lines;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
