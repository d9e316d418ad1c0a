import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTaskKeyPair } from '@sealift/crypto';
import { downloadContext, readDownload } from '@sealift/wire';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { makeOddTree } from './odd-tree.ts';
import { sealift as run } from './sealift.ts';
import { Site } from './site.ts';

t.jobs = 1;

const PASSWORD = 'a long sentence that nobody would guess';
const folder = await mkdtemp(join(tmpdir(), 'sealift-granular-'));
const site = await Site.open(folder);
const tree = join(folder, 'tree');
/** Of each job, oldest first. */
const points: Record<string, [string, string]> = {};
t.teardown(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function sealift(...args: string[]) {
  return run(args, { environment: site.environment, input: `${PASSWORD}\n` });
}

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await sealift(...args);
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

async function lines(...args: string[]) {
  return (await done(...args, '--json')).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

async function backUp(job: string): Promise<string> {
  const { id } = await site.client.call('startRun', { params: { id: job } });
  const { point, failure } = await site.ended(id);
  if (point === undefined) throw new Error(JSON.stringify(failure));
  return point;
}

t.before(async () => {
  await mkdir(tree);
  await makeOddTree(tree);
  await writeFile(join(tree, 'folder', 'site.conf'), 'first version');
  await utimes(join(tree, 'folder', 'site.conf'), 1_600_000_000, 1_600_000_000);
  await site.client.call('createPassword', { body: { name: 'vault', password: PASSWORD } });
  const source = { transporter: 'source', paths: [tree] };
  const common = { source, repository: 'store' };
  await site.client.call('createJob', { body: { name: 'open', encryption: 'in-flight', ...common } });
  await site.client.call('createJob', {
    body: { name: 'sealed', encryption: 'source-side', password: 'vault', ...common },
  });
  const before = [await backUp('open'), await backUp('sealed')] as const;
  await writeFile(join(tree, 'folder', 'site.conf'), 'second version');
  await rm(join(tree, 'repetitive'));
  await writeFile(join(tree, 'added'), 'was not there before');
  points.open = [before[0], await backUp('open')];
  points.sealed = [before[1], await backUp('sealed')];
});

for (const job of ['open', 'sealed']) {
  t.test(`a file of job ${job} is found by name, size and time, and in all its versions`, async (t) => {
    const [first, second] = points[job] as [string, string];
    const found = await lines('point', 'find', second, '--name', '*.conf');
    t.match(found, [{ path: 'tree/folder/site.conf', kind: 'file', size: 14 }]);
    t.equal(found.length, 1);
    const large = await lines('point', 'find', first, 'tree', '--larger', '2M', '--type', 'file');
    t.same(
      large.map(({ path }) => path),
      ['tree/folder/hard link', 'tree/random', 'tree/repetitive', 'tree/sparse'],
    );
    t.same(await lines('point', 'find', second, '--name', '*.conf', '--older', '2021-01-01'), []);
    t.equal((await lines('point', 'find', first, '--name', '*.conf', '--older', '2021-01-01')).length, 1);
    t.match(await sealift('point', 'find', first, '--larger', 'much'), { code: 2, stderr: /--larger must be a size/ });

    const versions = await lines('point', 'versions', 'tree/folder/site.conf', '--job', job);
    t.match(versions, [
      { point: second, entry: { size: 14 } },
      { point: first, entry: { size: 13 } },
    ]);
    t.not(versions[0].entry.content, versions[1].entry.content);
    const added = await lines('point', 'versions', 'tree/added', '--job', job);
    t.match(added, [{ point: second, entry: {} }, { point: first }]);
    t.equal(added[1].entry, undefined, 'it was not there yet');
    t.match(
      await done('point', 'versions', 'tree/nothing', '--job', job),
      /^1 {2}.*\n1 {2}/,
      'for people: one version',
    );
  });
}

for (const job of ['open', 'sealed']) {
  t.test(`a file and a folder of job ${job} are downloaded as they were`, async (t) => {
    const [first, second] = points[job] as [string, string];
    const at = (name: string) => join(folder, `${job}-${name}`);
    const conf = ['point', 'get', first, 'tree/folder/site.conf', '-o'];
    await done(...conf, at('site.conf'));
    t.equal(await readFile(at('site.conf'), 'utf8'), 'first version');
    t.match(await sealift(...conf, at('site.conf')), { code: 2, stderr: /exists/ });
    await done('point', 'get', second, 'tree/folder/site.conf', '-o', at('site.conf'), '--force');
    t.equal(await readFile(at('site.conf'), 'utf8'), 'second version');
    t.equal(await done(...conf, '-'), 'first version', 'on standard output');
    await done('point', 'get', second, 'tree/folder/hard link', '-o', at('linked'));
    t.ok((await readFile(at('linked'))).equals(await readFile(join(tree, 'random'))), 'by its second name');

    await done('point', 'get', second, 'tree', '-o', at('tree.tar'));
    await mkdir(at('tar'));
    const how = ['--same-owner', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf'];
    execFileSync('tar', [...how, at('tree.tar'), '-C', at('tar')]);
    t.same(
      [...compareTrees(tree, join(at('tar'), 'tree'))],
      [],
      'tar: identical, with holes, links, times and attributes',
    );

    const zipped = await sealift('point', 'get', second, 'tree', '--format', 'zip', '-o', at('tree.zip'));
    t.match(zipped, { code: 3, stderr: /fifo.*not-archivable/ }, 'zip: says what it has no place for');
    t.match(zipped.stderr, /caf\\xe9.*caf%E9.*renamed/);
    const check = `import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None
sys.stdout.buffer.write(z.read('tree/random'))`;
    const content = execFileSync('python3', ['-c', check, at('tree.zip')], { maxBuffer: 16 * 1024 * 1024 });
    t.ok(content.equals(await readFile(join(tree, 'random'))));
    t.match(await sealift('point', 'get', second, 'tree/nowhere'), { code: 1, stderr: /not-found/ });
    t.match(await sealift('point', 'get', second, 'tree', '--format', 'file'), { code: 1, stderr: /not-a-file/ });
    t.match(await sealift('point', 'get', second, 'tree', '--via', 'target'), { code: 1, stderr: /role-unfit/ });
  });
}

t.test('files on the partitions of a disk image are listed, found and downloaded by `disk:/path`', async (t) => {
  const from = join(folder, 'inside');
  await mkdir(join(from, 'etc'), { recursive: true });
  await writeFile(join(from, 'etc', 'hosts'), '127.0.0.1 guest');
  const disk = join(folder, 'vm.raw');
  const part = join(folder, 'part.img');
  execFileSync('truncate', ['--size', '32M', part]);
  execFileSync('truncate', ['--size', '64M', disk]);
  execFileSync('mkfs.ext4', ['-q', '-d', from, part]);
  execFileSync('sfdisk', ['--quiet', disk], { input: 'label: gpt\nstart=1MiB,size=32MiB\nstart=40MiB,size=8MiB\n' });
  execFileSync('dd', [`if=${part}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
  const source = { transporter: 'source', paths: [disk] };
  const job = { name: 'vm', encryption: 'source-side', password: 'vault', source, repository: 'store' } as const;
  await site.client.call('createJob', { body: job });
  const point = await backUp('vm');
  t.match(await lines('point', 'ls', point, 'vm.raw:/'), [
    { path: '1', kind: 'directory', filesystem: 'ext4' },
    { path: '2', kind: 'file', filesystem: 'unknown', size: 8 * 1024 * 1024 },
  ]);
  t.match(await done('point', 'ls', point, 'vm.raw:/1/etc/'), /^- 0644 .* vm\.raw:\/1\/etc\/hosts\n$/);
  t.match(await done('point', 'find', point, 'vm.raw:/', '--name', 'hosts'), /vm\.raw:\/1\/etc\/hosts\n$/);
  t.same(await lines('point', 'find', point, '--name', 'hosts'), [], 'disks are not searched unless asked for');
  t.equal(await done('point', 'get', point, 'vm.raw:/1/etc/hosts', '-o', '-'), '127.0.0.1 guest');
  await done('point', 'get', point, 'vm.raw:/2', '-o', join(folder, 'second'));
  t.equal((await stat(join(folder, 'second'))).size, 8 * 1024 * 1024, 'a partition as it is');
  t.match(await sealift('point', 'get', point, 'vm.raw:/1/nothing'), { code: 1, stderr: /not-found/ });
  t.match(await sealift('point', 'ls', point, 'vm.raw:/2/etc'), { code: 1, stderr: /not-found/ });
});

t.test('who relays a download learns nothing of it, and one that is cut off fails and leaves no file', async (t) => {
  const [, second] = points.open as [string, string];
  const pair = createTaskKeyPair();
  const asked = { path: 'tree/folder/site.conf', publicKey: pair.publicKey.toString('base64url') };
  const sealed = Buffer.concat(await Array.fromAsync(await site.client.download(second, asked)));
  t.notOk(sealed.includes('second version'));
  const context = (path: string) => downloadContext({ pointId: second, path: Buffer.from(path), format: 'auto' });
  async function* bytes(length = sealed.length) {
    yield sealed.subarray(0, length);
  }
  const open = (path: string, length?: number) => Array.fromAsync(readDownload(bytes(length), pair, context(path)));
  t.match(await open(asked.path), [{ kind: 'head' }, { kind: 'data', bytes: Buffer.from('second version') }]);
  await t.rejects(open('tree/folder/other.conf'), { code: 'record-refused' }, 'of another file');
  await t.rejects(open(asked.path, sealed.length - 1), { code: 'download-cut-off' });
  await t.rejects(open(asked.path, sealed.length - 53), { code: 'download-cut-off' }, 'without the record of the end');

  const big = join(folder, 'cut.tar');
  await writeFile(join(tree, 'big'), randomBytes(64 * 1024 * 1024));
  const point = await backUp('open');
  const getting = sealift('point', 'get', point, 'tree', '-o', big);
  await firstBytes(folder);
  await site.kill('source');
  t.match(await getting, { code: 1, stderr: /download-cut-off|disconnected/ });
  t.same(
    (await readdir(folder)).filter((name) => name.startsWith('.sealift') || name === 'cut.tar'),
    [],
  );
  await site.start('source');
  await site.connected('source');
});

/** Resolves when a download has begun to be written. */
async function firstBytes(at: string): Promise<void> {
  for (;;) {
    for (const name of await readdir(at)) {
      if (name.startsWith('.sealift-download-') && (await stat(join(at, name))).size > 0) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

t.test('where no key is kept a search waits for the password, and nothing else opens the names', async (t) => {
  const [first, second] = points.sealed as [string, string];
  await site.client.call('forgetPassword', { params: { id: 'vault' } });
  t.match(await sealift('point', 'find', second), { code: 1, stderr: /password-needed/ });
  t.match(await sealift('point', 'versions', 'tree/added', '--job', 'sealed'), { code: 3, stderr: /password-needed/ });
  const found = await lines('point', 'find', second, '--name', 'site.*', '--password-file', '-');
  t.match(found, [{ path: 'tree/folder/site.conf' }]);
  t.match(await sealift('point', 'find', first), { code: 1 }, 'given for one point');
  const versions = await lines('point', 'versions', 'tree/added', '--job', 'sealed', '--password-file', '-');
  t.match(versions, [{ point: second, entry: {} }, { point: first }]);
});
