import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { KEYS, Radosgw } from '../../packages/repository/test/fixtures/radosgw.ts';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const SIZE = 96 * MIB;
const folder = await mkdtemp(join(tmpdir(), 'sealift-s3-'));
const gateway = await Radosgw.start();
const site = await Site.open(folder);
const address = `${await gateway.bucket({ prefix: 'site' })}&credentials=vault`;
const keysFile = join(folder, 'target', 's3-credentials');
const passwordFile = join(folder, 'password');
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  return { status, stdout: command.stdout, stderr: command.stderr };
}

const create = (name: string, s3: string) =>
  sealift('repository', 'create', name, '--transporter', 'target', '--s3', s3);

const section = (name: string, secret: string) =>
  `[${name}]\naws_access_key_id = ${KEYS.accessKeyId}\naws_secret_access_key = ${secret}\n`;

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

t.before(async () => {
  await writeFile(passwordFile, 'seven grey herons at low tide\n');
  const made = await sealift('password', 'create', 'vault', '--password-file', passwordFile);
  if (made.status !== 0) throw new Error(made.stderr);
});

t.test(
  'a repository in object storage is refused with its reason until keys, address and bucket are right',
  async (t) => {
    const refused = async (s3: string, expected: RegExp) => {
      const { status, stderr } = await create('cloud', s3);
      t.equal(status, 1);
      t.match(stderr, expected);
      t.notMatch(stderr, /wrong-secret/);
    };
    await refused(address, /s3-credentials cannot be read[\s\S]*\(store-credentials\)/);
    await writeFile(
      keysFile,
      `${section('wrong', 'wrong-secret')}\n# the real ones\n${section('vault', KEYS.secretAccessKey)}`,
    );
    await refused(address.replace('=vault', '=nobody'), /no credentials 'nobody'[\s\S]*\(store-credentials\)/);
    await refused(address.replace('=vault', '=wrong'), /127\.0\.0\.1[\s\S]*\(store-credentials\)/);
    await refused(address.replace('s3://b', 's3://none-'), /none-[\s\S]*\(bucket-missing\)/);
    await refused(address.replace('s3://', 's3://me:wrong-secret@'), /\(store-address\)/);
    await refused(address.replace('http://127.0.0.1', 'http://storage.example.net'), /https:[\s\S]*\(store-address\)/);
    t.equal((await create('cloud', address)).status, 0);
    t.same(await create('cloud', address).then(({ status }) => status), 1, 'the name is taken');
    const { stdout } = await sealift('repository', 'list');
    t.match(stdout, /cloud +target +0 +0 B +unknown +s3:\/\//);
  },
);

t.test('a backup to object storage survives that its target is killed in the middle, and restores', async (t) => {
  const tree = join(folder, 'tree');
  const bytes = randomBytes(SIZE);
  await mkdir(tree);
  await writeFile(join(tree, 'film.mov'), bytes);
  for (let i = 0; i < 50; i++) await writeFile(join(tree, `note-${i}`), randomBytes(100 + i));
  for (const [job, sealing] of [
    ['sealed', { encryption: 'source-side', password: 'vault' }],
    ['plain', { encryption: 'in-flight' }],
  ] as const) {
    const source = { transporter: 'source', paths: [tree] };
    await site.client.call('createJob', { body: { name: job, source, repository: 'cloud', ...sealing } });
    const { id } = await site.client.call('startRun', { params: { id: job } });
    await site.gate.passed(40 * MIB);
    await site.kill('target');
    t.same(await Array.fromAsync(site.client.list('listPoints', { query: { job } })), [], 'no point is visible');
    await site.start('target');
    const { state, point, failure } = await site.ended(id);
    t.same([state, failure], ['done', undefined]);
    const destination = join(folder, `${job}-restored`);
    const body = { transporter: 'source', path: destination };
    const restore = await site.client.call('restorePoint', { params: { id: point as string }, body });
    t.same((await site.ended(restore.id)).state, 'done');
    t.same(digest(await readFile(join(destination, 'tree', 'film.mov'))), digest(bytes));
    t.equal((await readdir(join(destination, 'tree'))).length, 51);
  }
});

t.test('an unchanged tree sends next to nothing, and the target that opens again finds all in its cache', async (t) => {
  await site.kill('target');
  await site.start('target');
  const before = site.gate.forwarded;
  const { id } = await site.client.call('startRun', { params: { id: 'sealed' } });
  t.same((await site.ended(id)).state, 'done');
  t.ok(site.gate.forwarded - before < MIB, `${site.gate.forwarded - before} bytes sent`);
  const kept = await readdir(join(folder, 'target', 'cache'), { recursive: true });
  t.ok(kept.length > 10, `${kept.length} entries`);
});

t.test('with the bucket, its keys and the password alone everything is recovered', async (t) => {
  const to = join(folder, 'recovered');
  const where = ['--repository', address, '--s3-credentials', keysFile];
  const list = await sealift('recover', ...where, '--list', '--json');
  t.equal(JSON.parse(list.stdout).items.length, 3, list.stderr);
  const recovered = await sealift('recover', ...where, '--to', to, '--password-file', passwordFile);
  t.equal(recovered.status, 0, recovered.stderr);
  t.same(await readFile(join(to, 'tree', 'film.mov')), await readFile(join(folder, 'tree', 'film.mov')));
});

t.test('the secret stands in its file alone', async (t) => {
  const holding: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'film.mov') continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(KEYS.secretAccessKey)) holding.push(path);
  }
  t.same(holding, [keysFile]);
});
