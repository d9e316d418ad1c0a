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
  const storedBefore = await bytesBelow(store);
  const before = await countersOf(site);
  const watch = await ProcessWatch.start([site.source.pid, site.target.pid]);
  const start = performance.now();
  const run = await site.ended((await begin()).id);
  const seconds = (performance.now() - start) / 1000;
  const { cpuSeconds, peakBytes } = await watch.cost();
  const after = await countersOf(site);
  const profile: Profile = {
    cpuSeconds: bySide(cpuSeconds),
    peakBytes: bySide(peakBytes),
    stages: { source: growth(after.source, before.source), target: growth(after.target, before.target) },
  };
  const measured = {
    seconds,
    cpuSeconds: cpuSeconds.reduce((sum, next) => sum + next, 0),
    peakBytes: Math.max(...peakBytes),
    bytesSent: after.bytesSent - before.bytesSent,
    bytesStored: (await bytesBelow(store)) - storedBefore,
    profile,
  };
  return { run, measured };
}

function bySide([source, target]: number[]): { source: number; target: number } {
  return { source: source as number, target: target as number };
}

interface Counters {
  /** Seconds by stage. */
  source: Record<string, number>;
  target: Record<string, number>;
  /** Both ways. */
  bytesSent: number;
}

async function countersOf({ source, target }: SealiftSite): Promise<Counters> {
  const read = async (url: string) => await (await fetch(`${url}/metrics`)).text();
  const here = await read(source.addresses.health as string);
  const there = await read(target.addresses.health as string);
  const sent = (text: string) => Number(/^sealift_bytes_total\{stage="sent"\} (\S+)$/m.exec(text)?.[1] ?? 0);
  return { source: stagesIn(here), target: stagesIn(there), bytesSent: sent(here) + sent(there) };
}

/** The counters of a Transporter's stage profile. */
function stagesIn(metrics: string): Record<string, number> {
  const lines = metrics.matchAll(/^sealift_stage_seconds_total\{stage="([a-z-]+)"\} (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, stage, seconds]) => [stage, Number(seconds)]));
}

function growth(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([stage, seconds]) => [stage, seconds - (before[stage] ?? 0)] as const),
  );
}
