import { toFailure } from '@sealift/core';
import { decodeKeyTable, LONGEST_KEY_TABLE } from '../format/key-table.ts';
import { KEYS_FOLDER, keyTableName, parseKeyTableName } from '../layout.ts';
import type { RepairHost } from './host.ts';
import { replaceFile } from './replace-file.ts';

const COPIES = [1, 2];

/** Makes both copies of the newest key table whole, from the one that is. */
export async function mendKeyTables(
  host: RepairHost,
  { dryRun, onMended }: { dryRun: boolean; onMended: (file: string) => void },
): Promise<void> {
  if (host.encryption === undefined) return;
  const names = await host.store.list(KEYS_FOLDER);
  const generations = names.flatMap((name) => parseKeyTableName(name)?.generation ?? []);
  const newest = Math.max(0, ...generations);
  const copies = await Promise.all(COPIES.map((copy) => wholeTable(host, keyTableName(newest, copy), newest)));
  const whole = copies.find((bytes) => bytes !== undefined);
  if (whole === undefined) return;
  for (const [i, copy] of COPIES.entries()) {
    if (copies[i] !== undefined) continue;
    const name = keyTableName(newest, copy);
    if (!dryRun) await replaceFile(host, name, whole);
    onMended(name);
  }
}

async function wholeTable(
  { store, config }: RepairHost,
  name: string,
  generation: number,
): Promise<Buffer | undefined> {
  try {
    const { tail } = await store.readTail(name, LONGEST_KEY_TABLE);
    const table = decodeKeyTable(tail);
    return table.repositoryId.equals(config.id) && table.generation === generation ? tail : undefined;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind === 'retry' || failure.kind === 'bug') throw failure;
    return undefined;
  }
}
