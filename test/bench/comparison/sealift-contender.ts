import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunResource } from '@sealift/wire';
import { bytesBelow, type Contender, type Measured, type Profile, type Task } from './contender.ts';
import { ProcessWatch } from './processes.ts';
import type { SealiftSite } from './sealift-site.ts';

export type Mode = 'in-flight' | 'source-side';

/** Both modes protect data on its way; source-side keeps it sealed at the target too. */
export async function sealift(task: Task, site: SealiftSite, mode: Mode): Promise<Contender> {
  const { client } = site;
  const name = randomUUID();
  const store = join(task.scratch, 'repository');
  const password = mode === 'source-side' ? { password: name } : {};
  await client.call('createRepository', { body: { name, transporter: 'target', path: store } });
  if (mode === 'source-side')
    await client.call('createPassword', { body: { name, password: `${name}, not a secret` } });
  const source = { transporter: 'source', paths: [join(task.folder, task.name)] };
  const job = await client.call('createJob', {
    body: { name, source, repository: name, encryption: mode, ...password },
  });
  let point = '';
  return {
    name: `sealift ${mode}`,
    backup: async () => {
      const { run, measured } = await measureRun(site, store, () =>
        client.call('startRun', { params: { id: job.id } }),
      );
      point = run.point as string;
      return measured;
    },
    restore: async (path) => {
      const body = { transporter: 'source', path, overwrite: 'never' as const };
      const { measured } = await measureRun(site, store, () =>
        client.call('restorePoint', { params: { id: point }, body }),
      );
      return { measured, restored: join(path, task.name) };
    },
  };
}

async function measureRun(
  site: SealiftSite,
  store: string,
  begin: () => Promise<RunResource>,
): Promise<{ run: RunResource; measured: Measured }> {
  const [storedBefore, sentBefore] = [await bytesBelow(store), site.link?.bytes ?? 0];
  const stagesBefore = await stagesOf(site);
  const watch = await ProcessWatch.start([site.source.pid, site.target.pid]);
  const start = performance.now();
  const run = await site.ended((await begin()).id);
  const seconds = (performance.now() - start) / 1000;
  const { cpuSeconds, peakBytes } = await watch.cost();
  const profile: Profile = {
    cpuSeconds: bySide(cpuSeconds),
    peakBytes: bySide(peakBytes),
    stages: difference(await stagesOf(site), stagesBefore),
  };
  const measured = {
    seconds,
    cpuSeconds: cpuSeconds.reduce((sum, next) => sum + next, 0),
    peakBytes: Math.max(...peakBytes),
    bytesSent: site.link === undefined ? (run.progress?.bytesSent ?? 0) : site.link.bytes - sentBefore,
    bytesStored: (await bytesBelow(store)) - storedBefore,
    profile,
  };
  return { run, measured };
}

function bySide([source, target]: number[]): { source: number; target: number } {
  return { source: source as number, target: target as number };
}

type Stages = Profile['stages'];

async function stagesOf({ source, target }: SealiftSite): Promise<Stages> {
  const [here, there] = await Promise.all(
    [source, target].map(({ addresses }) => readStages(`${addresses.health}/metrics`)),
  );
  return { source: here as Stages['source'], target: there as Stages['target'] };
}

/** The counters of a Transporter's stage profile. */
async function readStages(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(url)).text();
  const lines = text.matchAll(/^sealift_stage_seconds_total\{stage="([a-z-]+)"\} (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, stage, seconds]) => [stage, Number(seconds)]));
}

function difference(after: Stages, before: Stages): Stages {
  const of = (side: keyof Stages) =>
    Object.fromEntries(
      Object.entries(after[side]).map(([stage, seconds]) => [stage, seconds - (before[side][stage] ?? 0)]),
    );
  return { source: of('source'), target: of('target') };
}
