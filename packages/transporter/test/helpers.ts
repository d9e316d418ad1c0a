import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';

/** A folder of its own for one test, removed after it. */
export async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-transporter-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const silent = pino({ level: 'silent' });
