import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SlotRequest } from '@sealift/wire';
import { Site } from './site.ts';

export async function makeTree(tree: string): Promise<void> {
  await mkdir(join(tree, 'deep', 'er'), { recursive: true });
  for (let i = 0; i < 12; i++) await writeFile(join(tree, `file-${i}`), randomBytes(30_000));
  await writeFile(join(tree, 'deep', 'er', 'large'), randomBytes(3_000_000));
  await symlink('../file-1', join(tree, 'deep', 'link'));
}

export interface VanishedJob {
  name: string;
  /** Source-side encryption with it; without, in-flight. */
  password?: string;
  keep?: 'hash' | 'never';
  /** One of those encrypted at rest; `store` without. */
  repository?: string;
  runs: number;
}

export interface Vanished {
  tree: string;
  jobs: VanishedJob[];
  kms?: string;
  /** Repositories beside `store` that are encrypted at rest, by name, with what opens them. */
  sealed?: Record<string, SlotRequest>;
}

/**
 * A Director and its Transporters back a tree up. Then they, their keys and the database are deleted: what is left in
 * `place` are the repositories, each in a folder of its name, and the certificate of the authority, `old-ca.pem`.
 * @returns the newest point of each job
 */
export async function backUpAndVanish(
  place: string,
  { tree, jobs, kms, sealed = {} }: Vanished,
): Promise<Map<string, string>> {
  await mkdir(place);
  const old = await Site.open(place, kms === undefined ? {} : { kms });
  for (const [name, encryption] of Object.entries(sealed)) {
    const body = { name, transporter: 'target', path: join(place, name), encryption };
    await old.client.call('createRepository', { body });
  }
  const newest = new Map<string, string>();
  for (const job of jobs) {
    await makeJob(old, tree, job);
    for (let i = 0; i < job.runs; i++) newest.set(job.name, await backUp(old, job));
  }
  await copyFile(old.environment.SEALIFT_CA as string, join(place, 'old-ca.pem'));
  await old[Symbol.asyncDispose]();
  for (const part of ['director', 'source', 'target']) await rm(join(place, part), { recursive: true });
  return newest;
}

async function makeJob({ client }: Site, tree: string, job: VanishedJob): Promise<void> {
  const { name, password, keep = 'hash', repository = 'store' } = job;
  const base = { name, source: { transporter: 'source', paths: [tree] }, repository };
  if (password === undefined) {
    await client.call('createJob', { body: { ...base, encryption: 'in-flight' } });
    return;
  }
  await client.call('createPassword', { body: { name, password, keep } });
  await client.call('createJob', { body: { ...base, encryption: 'source-side', password: name } });
}

async function backUp(site: Site, { name, password, keep }: VanishedJob): Promise<string> {
  const { id } = await site.client.call('startRun', { params: { id: name } });
  if (keep === 'never' && password !== undefined) {
    await site.client.call('giveRunPassword', { params: { id }, body: { password } });
  }
  const run = await site.ended(id);
  if (run.state !== 'done') throw new Error(JSON.stringify(run.failure));
  return run.point as string;
}
