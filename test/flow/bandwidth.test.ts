import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const KIB = 1024;
const folder = await mkdtemp(join(tmpdir(), 'sealift-bandwidth-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tree = join(folder, 'tree');

/** Runs one command to its end against the Director of this site. */
async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  if (status !== 0) throw new Error(command.stderr);
  return command.stdout;
}

/** What has gone through the gate ahead of a rate since now, at most. What is late is never ahead. */
function watch(way: 'forwarded' | 'returned', rate: number) {
  const [start, before] = [performance.now(), site.gate[way]];
  let ahead = 0;
  const look = () => {
    ahead = Math.max(ahead, site.gate[way] - before - (rate * (performance.now() - start)) / 1000);
  };
  const timer = setInterval(look, 5);
  return () => {
    clearInterval(timer);
    look();
    return ahead;
  };
}

/** Handshakes, questions and acknowledgements, and a slice. */
const BESIDES = 100 * KIB;

t.before(async () => {
  await mkdir(tree);
  for (let i = 0; i < 8; i++) await writeFile(join(tree, `film-${i}`), randomBytes(600 * KIB));
  const job = [
    '--source',
    `source:${tree}`,
    '--repository',
    'store',
    '--encryption',
    'in-flight',
    '--bandwidth',
    '400K',
  ];
  await sealift('job', 'create', 'films', ...job);
});

t.test('a backup keeps to the limit of its job, and to the one that it is given while it runs', async (t) => {
  t.match(JSON.parse(await sealift('job', 'show', 'films', '--json')), { bandwidth: '400K' });
  const ended = watch('forwarded', 400 * KIB);
  const { id } = await site.client.call('startRun', { params: { id: 'films' } });
  await site.gate.passed(500 * KIB);
  t.ok(ended() < BESIDES, `${Math.round(ended())} bytes ahead of 400 KiB/s`);

  const slower = watch('forwarded', 100 * KIB);
  await sealift('transporter', 'update', 'target', '--bandwidth', '100K');
  await site.gate.passed(100 * KIB);
  t.equal((await site.client.call('getRun', { params: { id } })).state, 'running');
  t.ok(slower() < BESIDES + 400 * KIB, `${Math.round(slower())} bytes ahead while the command was on its way`);

  await sealift('transporter', 'update', 'target', '--bandwidth', 'none');
  await sealift('job', 'update', 'films', '--bandwidth', 'none');
  t.match(await site.ended(id), { state: 'done' });
  t.notOk('bandwidth' in (await site.client.call('getJob', { params: { id: 'films' } })));
  t.notOk('bandwidth' in (await site.client.call('getTransporter', { params: { id: 'target' } })));
});

t.test('a restore keeps to the limit of the Transporter that it goes to', async (t) => {
  await sealift('transporter', 'update', 'source', '--bandwidth', '1M; mon-sun 00:00-24:00 500K');
  t.match(await sealift('transporter', 'show', 'source'), /bandwidth: +1M; mon-sun 00:00-24:00 500K/);
  const ended = watch('returned', 500 * KIB);
  const restored = join(folder, 'restored');
  const [point] = (await site.client.call('listPoints', {})).items;
  const command = sealift('point', 'restore', point?.id as string, '--to', `source:${restored}`, '--wait');
  await site.gate.passed(500 * KIB, 'returned');
  t.ok(ended() < BESIDES, `${Math.round(ended())} bytes ahead of 500 KiB/s`);
  await site.client.call('updateTransporter', { params: { id: 'source' }, body: { bandwidth: null } });
  await command;
  t.same([...compareTrees(tree, join(restored, 'tree'))], []);
});

t.test('what is no limit is refused at both ends', async (t) => {
  const body = { bandwidth: 'mon-fri fast' };
  await t.rejects(site.client.call('updateTransporter', { params: { id: 'source' }, body }), {
    code: 'bandwidth-invalid',
  });
  const command = new Started(['job', 'update', 'films', '--bandwidth', 'mon-fri fast'], {
    env: { ...process.env, ...site.environment },
  });
  t.not(await command.end(), 0);
  t.match(command.stderr, /'fast' is no bandwidth limit/);
});
