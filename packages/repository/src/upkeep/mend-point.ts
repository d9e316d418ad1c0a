import { toFailure } from '@sealift/core';
import { parseSparePointName, pointIdOf, pointName, sparePointName } from '../layout.ts';
import { readPointCopy } from '../point-file.ts';
import type { RepairHost } from './host.ts';
import { replaceFile } from './replace-file.ts';

/**
 * Writes a damaged copy of a recovery point anew from the other one.
 * @returns false if that is not whole either, or not the point that was opened, or `file` is no copy of a point
 */
export async function mendPoint(host: RepairHost, file: string, dryRun: boolean): Promise<boolean> {
  const id = pointIdOf(file) ?? parseSparePointName(file);
  if (id === undefined) return false;
  const other = file === pointName(id) ? sparePointName(id) : pointName(id);
  const bytes = await wholeCopy(host, other, id);
  if (bytes === undefined) return false;
  if (!dryRun) await replaceFile(host, file, bytes);
  return true;
}

async function wholeCopy(host: RepairHost, name: string, id: string): Promise<Buffer | undefined> {
  const known = (await host.points()).find((point) => point.id === id);
  try {
    const { file, opened } = await readPointCopy(host.store, name, id);
    return known === undefined || known.hash.equals(opened.hash) ? file : undefined;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    return undefined;
  }
}
