import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { fail } from '../failures.ts';
import { allItems } from '../session/director.ts';
import { encryptionPassword, type UpFolder } from './data-folder.ts';
import { excludePattern, placesInside } from './sources.ts';
import type { Stage } from './stage.ts';

/** Name of the one repository and of the one encryption password. */
const MAIN = 'main';
export const MODES = ['in-flight', 'source-side'] as const;
export type DemoMode = (typeof MODES)[number];

export interface DemoJobs {
  names: Record<DemoMode, string>;
  passwordFile: string;
}

/** Makes repository, password and jobs where they are missing; what an earlier `up` made is used again. */
export async function setUp(stage: Stage, folder: UpFolder, sources: string[], ownPlaces: string[]): Promise<DemoJobs> {
  const { director, signal } = stage;
  const repositories = await allItems(director, 'listRepositories', {}, signal);
  if (!repositories.some((one) => one.name === MAIN)) {
    const body = { name: MAIN, transporter: 'target', path: folder.repository };
    await director.call('createRepository', { body }, signal);
  }
  const passwordFile = await setUpPassword(stage, folder);
  const inside = sources.flatMap((source) => placesInside(source, ownPlaces));
  const exclude = [...new Set(inside)].map(excludePattern);
  const names = { 'in-flight': '', 'source-side': '' };
  for (const mode of MODES) names[mode] = await setUpJob(stage, mode, sources, exclude);
  return { names, passwordFile };
}

async function setUpPassword({ director, signal }: Stage, folder: UpFolder): Promise<string> {
  const known = await allItems(director, 'listPasswords', {}, signal);
  const isKnown = known.some((one) => one.name === MAIN);
  const { password, file, fresh } = await encryptionPassword(folder);
  if (isKnown && fresh) {
    throw fail('data-unusable', `${file} was missing, but earlier backups in ${folder.root} need what was in it`, {
      advice: 'Put the file back, or start anew with another --data DIR.',
    });
  }
  if (!isKnown) await director.call('createPassword', { body: { name: MAIN, password } }, signal);
  return file;
}

/** One job for each mode and set of paths; its name says what it protects and is the same the next time. */
async function setUpJob(stage: Stage, mode: DemoMode, paths: string[], exclude: string[]): Promise<string> {
  const { director, signal } = stage;
  const digest = createHash('sha256')
    .update(JSON.stringify([paths, exclude]))
    .digest('hex')
    .slice(0, 6);
  const label = basename(paths[0] as string)
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const name = `${label.slice(0, 24) || 'root'}-${digest}-${mode}`;
  const known = await allItems(director, 'listJobs', {}, signal);
  if (known.some((job) => job.name === name)) return name;
  const source = { transporter: 'source', paths };
  const password = mode === 'source-side' ? { password: MAIN } : {};
  const body = { name, source, repository: MAIN, encryption: mode, exclude, ...password };
  await director.call('createJob', { body }, signal);
  return name;
}
