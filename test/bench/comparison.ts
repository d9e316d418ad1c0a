/**
 * Sealift beside restic and borg: the same data, in the same run, taking turns. Sealift always works through two
 * Transporter processes over WebSocket and TLS with everything on that it has on in use; the others keep their repository
 * on the local disk, or behind SSH with --network. Nothing is reported of data that does not come back identical.
 *
 * Usage: npm run bench:comparison -- [--scale 0.1] [--repetitions 3] [--data image,filesystem,tree] [--workers 2]
 *     [--network] [--round-trip 40] [--bandwidth 1000] [--only sealift,restic,borg] [--seed TEXT] [--json]
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contender, Task } from './comparison/contender.ts';
import { type MakeContender, measureOnce, type Sample } from './comparison/measure.ts';
import { borg, restic } from './comparison/peer-contenders.ts';
import { installPeers, type Peers } from './comparison/peers.ts';
import { formatRows, formatStages, summarize } from './comparison/report.ts';
import { sealift } from './comparison/sealift-contender.ts';
import { openSealiftSite, type SealiftSite } from './comparison/sealift-site.ts';
import { openSshWay, type SshWay } from './comparison/ssh-server.ts';
import { DATA_SETS, type DataSetName, dataSet } from './data/sets.ts';

const { values: options } = parseArgs({
  options: {
    scale: { type: 'string', default: '0.1' },
    repetitions: { type: 'string', default: '3' },
    data: { type: 'string', default: DATA_SETS.join(',') },
    workers: { type: 'string', default: '2' },
    network: { type: 'boolean', default: false },
    'round-trip': { type: 'string', default: '40' },
    bandwidth: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'sealift,restic,borg' },
    seed: { type: 'string', default: 'sealift' },
    json: { type: 'boolean', default: false },
  },
});

const scale = Number(options.scale);
const way = options.network ? 'network' : 'local';
const shape = options.network
  ? { roundTrip: Number(options['round-trip']), bandwidth: Number(options.bandwidth) * 1e6 }
  : undefined;

interface Grounds {
  peers: Peers;
  site: SealiftSite;
  ssh: SshWay | undefined;
}

function makersOf({ peers, site, ssh }: Grounds): MakeContender[] {
  const all: Record<string, ((task: Task) => Promise<Contender>)[]> = {
    sealift: [(task) => sealift(task, site, 'in-flight'), (task) => sealift(task, site, 'source-side')],
    restic: [(task) => restic(task, peers, ssh)],
    borg: [(task) => borg(task, peers, ssh)],
  };
  return options.only.split(',').flatMap((name) => all[name] ?? []);
}

async function measureAll(work: string): Promise<Sample[]> {
  const peers = await installPeers(join(work, 'scratch'));
  const samples: Sample[] = [];
  for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
    for (const name of options.data.split(',') as DataSetName[]) {
      process.stderr.write(`repetition ${repetition + 1}: ${name}\n`);
      samples.push(...(await measureRepetition(name, repetition, peers, join(work, `${repetition}-${name}`))));
    }
  }
  return samples;
}

async function measureRepetition(name: DataSetName, repetition: number, peers: Peers, work: string): Promise<Sample[]> {
  await mkdir(work);
  try {
    await using grounds = new AsyncDisposableStack();
    const site = grounds.use(await openSealiftSite(join(work, 'site'), Number(options.workers), shape));
    const ssh = shape === undefined ? undefined : grounds.use(await openSshWay(peers, join(work, 'ssh'), shape));
    const makers = makersOf({ peers, site, ssh });
    // Who comes first is another one each time.
    const first = repetition % makers.length;
    return await measureOnce(
      dataSet(name, options.seed, scale),
      [...makers.slice(first), ...makers.slice(0, first)],
      work,
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const work = await mkdtemp(join(tmpdir(), 'sealift-comparison-'));
try {
  const samples = await measureAll(work);
  const rows = summarize(samples, way);
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model, cores: cpus().length, node: process.version };
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ bench: 'comparison', options, machine, rows, samples }, undefined, 1)}\n`);
  } else {
    process.stdout.write(`${formatRows(rows)}\n\n${formatStages(samples)}\n`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
