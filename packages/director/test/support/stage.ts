import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobResource, RestClient, type RunResource, type TransporterRole } from '@sealift/wire';
import { type DirectorConfig, type DirectorHandle, startDirector } from '../../src/index.ts';
import { enrol, type Member, ScriptedTransporter } from './scripted-transporter.ts';

/** A Director on a folder of its own, and a client that may do everything. */
export interface Stage extends AsyncDisposable {
  data: string;
  director: DirectorHandle;
  client: RestClient;
  /** Ends the Director and starts another on the same data and ports, from then on with these settings too. */
  restart(more?: Partial<DirectorConfig>): Promise<void>;
}

export async function openStage(options: Partial<DirectorConfig> = {}): Promise<Stage> {
  const data = await mkdtemp(join(tmpdir(), 'sealift-director-'));
  const base = { data, host: '127.0.0.1', port: 0, controlPort: 0, logLevel: 'silent' as const, ...options };
  const director = await startDirector(base);
  const stage: Stage = {
    data,
    director,
    client: await clientOf(director),
    restart: async (more = {}) => {
      Object.assign(base, more);
      const [port, controlPort] = [portOf(stage.director.url), portOf(stage.director.controlUrl)];
      await stage.director.close();
      stage.director = await startDirector({ ...base, port, controlPort });
    },
    [Symbol.asyncDispose]: async () => {
      stage.client[Symbol.dispose]();
      await stage.director.close();
      await rm(data, { recursive: true });
    },
  };
  return stage;
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}

export async function clientOf({ url, authorityFile, adminTokenFile }: DirectorHandle): Promise<RestClient> {
  const authority = await readFile(authorityFile, 'utf8');
  const token = (await readFile(adminTokenFile, 'utf8')).trim();
  return new RestClient({ url, authority, token });
}

export async function newMember(
  { client, director }: Pick<Stage, 'client' | 'director'>,
  name: string,
  role: TransporterRole,
): Promise<Member> {
  const { token } = await client.call('createToken', { body: { name, role } });
  return await enrol(director.url, token, name, role);
}

/** A stage with a source `laptop`, a target `vault` with a repository `store`, both connected. */
export interface Theatre extends Stage {
  source: ScriptedTransporter;
  target: ScriptedTransporter;
}

export async function openTheatre(): Promise<Theatre> {
  const stage = await openStage();
  const source = new ScriptedTransporter(await newMember(stage, 'laptop', 'source'));
  const target = new ScriptedTransporter(await newMember(stage, 'vault', 'target'));
  await Promise.all([source.connected(), target.connected()]);
  await stage.client.call('createRepository', { body: { name: 'store', transporter: 'vault', path: '/backups' } });
  const close = stage[Symbol.asyncDispose];
  return Object.assign(stage, {
    source,
    target,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()]);
      await close();
    },
  });
}

export async function newJob({ client }: Pick<Stage, 'client'>, name: string, more: object = {}): Promise<JobResource> {
  const source = { transporter: 'laptop', paths: ['/home/ann'] };
  return await client.call('createJob', {
    body: { name, source, repository: 'store', encryption: 'in-flight', ...more },
  });
}

export async function startRun({ client }: Pick<Stage, 'client'>, job: string): Promise<RunResource> {
  return await client.call('startRun', { params: { id: job } });
}

/** The run, once it looks as wanted. */
export async function runWhen(
  { client }: Stage,
  id: string,
  wanted: (run: RunResource) => boolean,
): Promise<RunResource> {
  const limit = AbortSignal.timeout(20_000);
  for (;;) {
    const run = await client.call('getRun', { params: { id } });
    if (wanted(run)) return run;
    await sleep(25, undefined, { signal: limit });
  }
}
