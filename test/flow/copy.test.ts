import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const PASSWORD = 'a long sentence that nobody would guess';
const folder = await mkdtemp(join(tmpdir(), 'sealift-copy-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const tree = join(folder, 'tree');
const offsite = join(folder, 'offsite');
const passwordFile = join(folder, 'password');

/** Runs one command to its end against the Director of this site. */
async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  return { status, stdout: command.stdout, stderr: command.stderr };
}

async function done(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await sealift(...args);
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

async function backUp(job = 'films'): Promise<string> {
  return JSON.parse(await done('job', 'run', job, '--wait', '--json')).point;
}

async function copy(...more: string[]) {
  return JSON.parse(await done('repository', 'copy', 'store', '--to', 'offsite', '--wait', '--json', ...more));
}

async function packBytes(): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(join(offsite, 'packs'), { recursive: true })) {
    if (name.endsWith('.pack')) bytes += (await stat(join(offsite, 'packs', name))).size;
  }
  return bytes;
}

async function same(restored: string): Promise<string[]> {
  return [...compareTrees(tree, restored)].map(({ path }) => String(path));
}

/** Of the job with source-side encryption, and of the one without. */
const points: string[] = [];
const plain: string[] = [];

t.before(async () => {
  await mkdir(tree);
  await writeFile(join(tree, 'film'), randomBytes(6 * MIB));
  for (let i = 0; i < 40; i++) await writeFile(join(tree, `note-${i}`), randomBytes(3_000));
  await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o600 });
  await site.addSecondTarget();
  await site.client.call('createRepository', {
    body: { name: 'offsite', transporter: 'second-target', path: offsite },
  });
  await site.client.call('createPassword', { body: { name: 'vault', password: PASSWORD } });
  const job = ['--source', `source:${tree}`, '--repository', 'store', '--encryption'];
  await done('job', 'create', 'films', ...job, 'source-side', '--password', 'vault');
  await done('job', 'create', 'plain', ...job, 'in-flight');
  points.push(await backUp());
});

t.test('the first copy brings everything over, and the next only what is new', async (t) => {
  const first = await copy();
  t.match(first, { kind: 'copy', state: 'done', repository: { name: 'store' }, report: { alreadyThere: 0, left: 0 } });
  t.ok(first.report.bytes > 6 * MIB, `${first.report.bytes} bytes were copied`);
  const before = await packBytes();
  await writeFile(join(tree, 'clip'), randomBytes(MIB));
  points.push(await backUp());
  const second = await copy();
  t.match(second.report.copied, [{ point: points[1] }]);
  t.ok(second.report.bytes > MIB && second.report.bytes < 2 * MIB, `${second.report.bytes} bytes were copied`);
  t.ok(second.progress.bytesSent < 2 * MIB, `${second.progress.bytesSent} bytes were sent`);
  t.ok((await packBytes()) - before < 2 * MIB);
  t.match((await copy()).report, { copied: [], chunks: 0, bytes: 0 });
});

t.test('a point shows its copies, and a comparison of the second repository expects them', async (t) => {
  const [point = ''] = points;
  const compared = await site.client.call('compareRepository', { params: { id: 'offsite' } });
  t.match(compared, { shown: 2, recorded: 2, missing: [], replaced: [], unknown: [], outOfChain: [] });
  t.match(JSON.parse(await done('point', 'show', point, '--json')).copies, [{ repository: { name: 'offsite' } }]);
  t.match(await done('point', 'show', point), /copy: +in offsite since 20/);
});

t.test('a point that was copied before is found there, and not sent again', async (t) => {
  const [point = ''] = points;
  t.match((await copy('--point', point)).report, { copied: [{ point }], alreadyThere: 1, chunks: 0 });
});

t.test('an in-flight point is copied like others, and restores from the second target', async (t) => {
  plain.push(await backUp('plain'));
  const [point = ''] = plain;
  const { report } = await copy();
  t.match(report, { copied: [{ point }], left: 0 });
  t.ok(report.chunks > 0);
  const to = join(folder, 'plain-restored');
  await done('point', 'restore', point, '--from', 'offsite', '--to', `source:${to}`, '--wait');
  t.same(await same(join(to, 'tree')), []);
  t.match((await copy('--point', point)).report, { alreadyThere: 1, chunks: 0 });
});

t.test('what leaves encryption at rest with a copy is refused, until it is said that this is meant', async (t) => {
  const sealed = ['--path', join(folder, 'sealed'), '--encrypt', 'password', '--password-file', passwordFile];
  await done('repository', 'create', 'sealed', '--transporter', 'second-target', ...sealed);
  const [point = ''] = plain;
  await done('repository', 'copy', 'store', '--to', 'sealed', '--point', point, '--wait');
  await done('repository', 'create', 'open', '--transporter', 'target', '--path', join(folder, 'open'));
  const onwards = ['repository', 'copy', 'sealed', '--to', 'open', '--point', point];
  t.match(await sealift(...onwards), { status: 1, stderr: /copy-unseals/ });
  t.match(JSON.parse(await done(...onwards, '--unsealed', '--wait', '--json')), { report: { copied: [{ point }] } });
  const to = join(folder, 'unsealed');
  await done('point', 'restore', point, '--from', 'open', '--to', `source:${to}`, '--wait');
  t.same(await same(join(to, 'tree')), []);
  const create = ['copy', 'create', 'onwards', '--from', 'sealed', '--to', 'open'];
  t.match(await sealift(...create), { status: 1, stderr: /copy-unseals/ });
});

t.test('a repository of the same target takes a copy, too', async (t) => {
  await done('repository', 'create', 'beside', '--transporter', 'target', '--path', join(folder, 'beside'));
  const run = JSON.parse(await done('repository', 'copy', 'store', '--to', 'beside', '--wait', '--json'));
  t.match(run.report, { copied: [...points, ...plain].map((point) => ({ point })), left: 0 });
});

t.test(
  'a standing copy brings over what its rule keeps, locked at the second target, and its rule removes copies alone',
  async (t) => {
    await done('repository', 'create', 'vaulted', '--transporter', 'second-target', '--path', join(folder, 'vaulted'));
    const between = ['--from', 'store', '--to', 'vaulted', '--job', 'films'];
    await done('copy', 'create', 'nightly', ...between, '--keep', 'last=5');
    const run = JSON.parse(await done('copy', 'run', 'nightly', '--wait', '--json'));
    t.match(run, { standingCopy: { name: 'nightly' }, report: { copied: points.map((point) => ({ point })) } });
    await done('copy', 'update', 'nightly', '--keep', 'last=1', '--immutable', '1', '--yes');
    t.match(await done('copy', 'retention', 'nightly'), /films keeps last=1 .*: 1 of 2 would go/);
    await done('copy', 'retention', 'nightly', '--apply');
    const [first = '', second = ''] = points;
    const copiesOf = async (point: string) => JSON.parse(await done('point', 'show', point, '--json')).copies ?? [];
    const inVaulted = async (point: string) =>
      (await copiesOf(point)).filter((copy: { repository: { name: string } }) => copy.repository.name === 'vaulted');
    t.same(await inVaulted(first), []);
    t.equal((await inVaulted(second)).length, 1);
    t.match(await site.client.call('compareRepository', { params: { id: 'vaulted' } }), { shown: 1, recorded: 1 });
    const removed = await sealift('point', 'remove', second, '--from', 'vaulted', '--yes');
    t.equal(removed.status, 0, 'copied before the lock was wanted');
    const again = await done('repository', 'copy', 'store', '--to', 'vaulted', '--point', second, '--wait', '--json');
    t.match(JSON.parse(again).report, { copied: [{ point: second }], alreadyThere: 0, chunks: 0 });
    const third = await backUp();
    await done('copy', 'run', 'nightly', '--wait');
    t.match(await done('point', 'show', third), /in vaulted since .*, locked until 20/);
    const refused = await sealift('point', 'remove', third, '--from', 'vaulted', '--yes');
    t.equal(refused.status, 1);
    t.match(refused.stderr, /point-locked/);
    t.match(await done('copy', 'list'), /nightly +store +vaulted +last=1/);
    await done('copy', 'remove', 'nightly');
    await done('point', 'remove', third, '--yes');
  },
);

t.test('points of which the other repository has sealed the data itself are left behind, and named', async (t) => {
  const [first = '', second = ''] = points;
  await done('repository', 'create', 'mixed', '--transporter', 'second-target', '--path', join(folder, 'mixed'));
  const where = ['--source', `source:${tree}`, '--repository', 'mixed', '--encryption', 'source-side'];
  await done('job', 'create', 'direct', ...where, '--password', 'vault');
  await backUp('direct');
  const run = await sealift('repository', 'copy', 'store', '--to', 'mixed', '--job', 'films', '--wait', '--json');
  t.equal(run.status, 3);
  t.match(JSON.parse(run.stdout), { state: 'warnings', report: { copied: [], left: 2 } });
  for (const point of [first, second]) t.match(run.stderr, new RegExp(`points/${point}: .*\\(point-refused\\)`));
});

t.test('a job that is removed leaves its points to be listed and restored', async (t) => {
  const refused = await sealift('job', 'remove', 'films');
  t.match(refused, { status: 1, stderr: /not a terminal/ });
  t.match(await done('job', 'remove', 'films', '--yes'), /films is removed: 0 recovery points with it, 2 stay/);
  t.notMatch(await done('job', 'list'), /films/);
  t.match(await done('point', 'list', '--job', 'films'), new RegExp(points[0] ?? ''));
  const to = join(folder, 'of-removed');
  await done('point', 'restore', points[1] ?? '', '--to', `source:${to}`, '--wait');
  t.same(await same(join(to, 'tree')), []);
  await done('job', 'remove', 'plain', '--remove-points', '--yes');
  t.notMatch(await done('point', 'list'), /plain/);
});

t.test('with the first target and its repository gone, the copy restores, verifies and recovers', async (t) => {
  await site.kill('target');
  await rm(join(folder, 'store'), { recursive: true });
  await rm(join(folder, 'target'), { recursive: true });
  const [, point = ''] = points;
  const to = join(folder, 'restored');
  await done('point', 'restore', point, '--from', 'offsite', '--to', `source:${to}`, '--wait');
  t.same(await same(join(to, 'tree')), []);
  const verified = JSON.parse(await done('repository', 'verify', 'offsite', '--wait', '--json'));
  t.match(verified.report, { points: 3, damagedFiles: 0, missingChunks: 0 });
  const [inFlight = ''] = plain;
  const back = join(folder, 'plain-again');
  await done('point', 'restore', inFlight, '--from', 'offsite', '--to', `source:${back}`, '--wait');
  t.same(await same(join(back, 'tree')), []);
  await site.kill('second-target');
  const recovered = join(folder, 'recovered');
  const from = ['recover', '--repository', offsite, '--password-file', passwordFile];
  await done(...from, '--point', point, '--to', recovered);
  t.same(await same(join(recovered, 'tree')), []);
  const recoveredPlain = join(folder, 'recovered-plain');
  await done(...from, '--point', inFlight, '--to', recoveredPlain);
  t.same(await same(join(recoveredPlain, 'tree')), []);
});
