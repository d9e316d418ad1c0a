import { setTimeout as sleep } from 'node:timers/promises';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { QmpClient } from './qmp-client.ts';

/** Everything that we make inside of QEMU has a name that begins like this, so that it can be found and removed. */
export const OURS = 'sealift-';

const PATIENCE_MS = 30_000;
const POLL_MS = 10;

interface Named {
  id?: unknown;
  'node-name'?: unknown;
  'node-names'?: unknown;
}

/**
 * Removes exports, jobs and nodes of ours. The monitor has one client at a time, and what is found before a point is
 * made was left behind by a process that was killed.
 */
export async function removeOurs(qmp: QmpClient): Promise<void> {
  const exports = await oursIn(qmp, 'query-block-exports', 'id');
  for (const id of exports) await unlessGone(qmp.execute('block-export-del', { id, mode: 'hard' }));
  await untilGone(qmp, 'query-block-exports', 'id');
  if (exports.length > 0) await unlessGone(qmp.execute('nbd-server-stop'));
  for (const device of await oursIn(qmp, 'query-jobs', 'id')) {
    await unlessGone(qmp.execute('block-job-cancel', { device, force: true }));
  }
  await untilGone(qmp, 'query-jobs', 'id');
  for (const node of await oursIn(qmp, 'query-named-block-nodes', 'node-name')) {
    await qmp.execute('blockdev-del', { 'node-name': node });
  }
}

/** An NBD server without exports may be one that we have left behind; one that has some is somebody else's. */
export async function startServer(qmp: QmpClient, path: string): Promise<void> {
  const start = () => qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path } } });
  try {
    await start();
  } catch (thrown) {
    const exports = await qmp.execute<unknown[]>('query-block-exports');
    if (toFailure(thrown).code !== 'vm-refused' || exports.length > 0) throw thrown;
    await unlessGone(qmp.execute('nbd-server-stop'));
    await start();
  }
}

async function oursIn(qmp: QmpClient, query: string, key: 'id' | 'node-name'): Promise<string[]> {
  const all = await qmp.execute<Named[]>(query);
  return all
    .map((item) => item[key])
    .filter((name): name is string => typeof name === 'string' && name.startsWith(OURS));
}

async function untilGone(qmp: QmpClient, query: string, key: 'id' | 'node-name'): Promise<void> {
  const late = Date.now() + PATIENCE_MS;
  while ((await oursIn(qmp, query, key)).length > 0) {
    if (Date.now() > late) throw fail('vm-refused', `QEMU does not let go of what it was made to do (${query}).`);
    await sleep(POLL_MS);
  }
}

/** What ends by itself meanwhile need not be ended. */
async function unlessGone(command: Promise<unknown>): Promise<void> {
  try {
    await command;
  } catch (thrown) {
    if (toFailure(thrown).code !== 'vm-refused') throw thrown;
  }
}
