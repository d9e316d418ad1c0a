import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const MIB = 1024 * 1024;
const folder = await mkdtemp(join(tmpdir(), 'sealift-input-'));
const site = await Site.open(folder);
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const store = join(folder, 'store');
const tree = join(folder, 'tree');
const passwordFile = join(folder, 'password');

/** Runs one command to its end against the Director of this site. */
async function sealift(...args: string[]) {
  const command = new Started(args, { env: { ...process.env, ...site.environment } });
  const status = await command.end();
  return { status, stdout: command.stdout, stderr: command.stderr };
}

async function recover(to: string, ...more: string[]) {
  return await sealift('recover', '--repository', store, '--to', to, '--password-file', passwordFile, ...more);
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function digests(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(path)).sort()) found[name] = digest(await readFile(join(path, name)));
  return found;
}

t.before(async () => {
  await mkdir(tree);
  for (let i = 0; i < 8; i++) await writeFile(join(tree, `film-${i}`), randomBytes(12 * MIB));
  await writeFile(passwordFile, 'seven grey herons at low tide\n');
  const made = await sealift('password', 'create', 'vault', '--password-file', passwordFile);
  if (made.status !== 0) throw new Error(made.stderr);
});

t.test('a job for a repository that nobody knows is refused', async (t) => {
  const place = `source:${tree}`;
  const refused = await sealift(
    ...['job', 'create', 'lost', '--source', place, '--repository', 'nowhere', '--encryption', 'in-flight'],
  );
  t.equal(refused.status, 1);
  t.match(refused.stderr, /nowhere[\s\S]*\(not-found\)/);
  t.same(JSON.parse((await sealift('job', 'list', '--json')).stdout).items, []);
});

t.test('an enrolment token works once', async (t) => {
  const { stdout: token } = await sealift('transporter', 'token', 'late', '--role', 'source');
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token);
  const enrol = (data: string) => {
    const flags = ['--name', 'late', '--role', 'source', '--data', join(folder, data), '--health-port', '0'];
    const director = ['--director-url', site.environment.SEALIFT_URL as string, '--enrolment-token-file', tokenFile];
    return new Started(['transporter', 'serve', ...flags, ...director, '--log-level', 'info']);
  };
  const first = enrol('late-1');
  t.teardown(() => first.child.kill());
  await site.connected('late');
  first.child.kill('SIGTERM');
  t.equal(await first.end(), 0, first.stderr);
  const second = enrol('late-2');
  t.equal(await second.end(), 1);
  t.match(second.stderr, /used[\s\S]*\(token-used\)/);
});

t.test('a source path that cannot be read is named', async (t) => {
  const missing = join(folder, 'no-such-folder');
  const flags = ['--repository', 'store', '--encryption', 'in-flight'];
  t.equal((await sealift('job', 'create', 'missing', '--source', `source:${missing}`, ...flags)).status, 0);
  const run = await sealift('job', 'run', 'missing', '--wait');
  t.match(run.stderr, missing);
  t.ok(run.status === 1 || run.status === 3, `${run.status}`);
  t.same(JSON.parse((await sealift('point', 'list', '--job', 'missing', '--json')).stdout).items, []);
});

t.test('a sealed backup is made', async (t) => {
  const flags = ['--repository', 'store', '--encryption', 'source-side', '--password', 'vault'];
  t.equal((await sealift('job', 'create', 'films', '--source', `source:${tree}`, ...flags)).status, 0);
  const run = await sealift('job', 'run', 'films', '--wait');
  t.equal(run.status, 0, run.stderr);
});

t.test('a wrong password recovers nothing and writes nothing', async (t) => {
  const wrongFile = join(folder, 'wrong');
  await writeFile(wrongFile, 'a b c d e g\n');
  const to = join(folder, 'recovered-wrong');
  const refused = await sealift('recover', '--repository', store, '--to', to, '--password-file', wrongFile);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /\(wrong-password\)/);
  t.notOk(existsSync(to), 'nothing was written');
});

t.test('a repository that a newer version wrote is left alone', async (t) => {
  const config = join(store, 'config');
  const original = await readFile(config);
  await site.kill('target');
  const newer = Buffer.from(original);
  newer.writeUInt16BE(99, 4);
  createHash('sha256')
    .update(newer.subarray(0, -32))
    .digest()
    .copy(newer, newer.length - 32);
  await chmod(config, 0o600);
  await writeFile(config, newer);
  const to = join(folder, 'recovered-newer');
  const refused = await recover(to);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /version 99[\s\S]*\(repository-too-new\)/);
  t.notOk(existsSync(to));
  await site.start('target');
  await site.connected('target');
  const run = await sealift('job', 'run', 'films', '--wait');
  t.equal(run.status, 1, 'the target refuses it too');
  t.match(run.stderr, /version 99[\s\S]*\(repository-too-new\)/);
  t.same(await readFile(config), newer, 'it was not written to');
  await site.kill('target');
  await writeFile(config, original);
  await site.start('target');
  await site.connected('target');
  const again = await sealift('job', 'run', 'films', '--wait');
  t.equal(again.status, 0, again.stderr);
});

t.test('a truncated pack costs the files in it, which are named, and no others', async (t) => {
  await site.kill('target');
  const packs: { path: string; size: number }[] = [];
  for (const name of await readdir(join(store, 'packs'), { recursive: true })) {
    const path = join(store, 'packs', name);
    if (name.endsWith('.pack')) packs.push({ path, size: (await stat(path)).size });
  }
  const largest = packs.reduce((a, b) => (a.size > b.size ? a : b));
  await chmod(largest.path, 0o600);
  await truncate(largest.path, Math.floor(largest.size / 2));
  const to = join(folder, 'recovered-truncated');
  const { status, stderr } = await recover(to);
  t.equal(status, 3, stderr);
  const before = await digests(tree);
  const after = await digests(join(to, 'tree'));
  const lost = Object.keys(before).filter((name) => after[name] !== before[name]);
  t.ok(lost.length > 0 && lost.length < 8, `${lost.length} lost`);
  for (const name of lost) t.match(stderr, new RegExp(`warning: .*${name}: .*\\([a-z-]+\\)`), name);
  for (const name of Object.keys(before)) if (!lost.includes(name)) t.notMatch(stderr, name);
});
