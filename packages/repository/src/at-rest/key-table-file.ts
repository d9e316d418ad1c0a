import { type Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import { type DecodedKeyTable, decodeKeyTable, LONGEST_KEY_TABLE } from '../format/key-table.ts';
import { KEYS_FOLDER, keyTableName, parseKeyTableName } from '../layout.ts';
import type { Store } from '../store/store.ts';

/** Without its key table everything in a repository is lost, so it is written twice. */
const COPIES = [1, 2];

/** The newest whole key table, from whichever of its copies can be read. */
export async function readKeyTable(store: Store, repositoryId: Buffer): Promise<DecodedKeyTable> {
  const found = (await tablesOf(store)).sort((a, b) => b.generation - a.generation || a.copy - b.copy);
  let failure: Failure | undefined;
  for (const { name, generation } of found) {
    try {
      const table = await readCopy(store, name);
      if (table.repositoryId.equals(repositoryId) && table.generation === generation) return table;
      failure ??= fail('key-table-damaged', `${name} belongs to another repository or generation.`);
    } catch (thrown) {
      failure ??= toFailure(thrown);
      if (failure.kind !== 'corrupt' && failure.kind !== 'refused') throw failure;
    }
  }
  const why = failure?.message ?? 'it is not there';
  throw fail('key-table-damaged', `No copy of the key table in ${store.location} can be read: ${why}`, {
    cause: failure,
  });
}

/** Makes a table the newest one: both copies durable before the ones it replaces go. */
export async function publishKeyTable(store: Store, generation: number, bytes: Buffer): Promise<void> {
  for (const copy of COPIES) await store.publish(keyTableName(generation, copy), bytes);
  await removeTables(store, (other) => other < generation);
}

/** The highest generation of which a copy is there, whole or not; 0 for none. */
export async function newestGeneration(store: Store): Promise<number> {
  return (await tablesOf(store)).reduce((newest, { generation }) => Math.max(newest, generation), 0);
}

/**
 * What a creation that was broken off left behind, and tables that were replaced. One that a store must keep for locked
 * recovery points counts no more as soon as there is a newer one.
 */
export async function removeTables(store: Store, which: (generation: number) => boolean): Promise<void> {
  for (const { name, generation } of await tablesOf(store)) {
    if (!which(generation)) continue;
    await store.remove(name).catch((thrown) => {
      if (toFailure(thrown).code !== 'object-locked') throw thrown;
    });
  }
}

async function tablesOf(store: Store) {
  const names = await store.list(KEYS_FOLDER);
  return names.flatMap((name) => {
    const parsed = parseKeyTableName(name);
    return parsed === undefined ? [] : [{ name, ...parsed }];
  });
}

async function readCopy(store: Store, name: string): Promise<DecodedKeyTable> {
  const { tail, length } = await store.readTail(name, LONGEST_KEY_TABLE);
  if (length > LONGEST_KEY_TABLE) throw fail('format-damaged', `${name} has ${length} bytes.`);
  return decodeKeyTable(tail);
}
