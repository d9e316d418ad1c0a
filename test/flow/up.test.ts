import { readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { makeOddTree, makeSparseFile } from './odd-tree.ts';
import { nobodyWorksOn, olderNode, processesOf, Started } from './up-process.ts';

t.jobs = 1;

interface Row {
  mode: string;
  run: number;
  bytesRead: number;
  bytesSent: number;
  bytesStored: number;
  identical: boolean;
}

const place = t.testdir();
const tree = join(place, 'tree');
const image = join(place, 'disk.raw');
const data = join(place, 'data');
const once = ['up', '--once', '--port', '0', '--data', data];

t.before(async () => {
  await mkdir(tree);
  await makeOddTree(tree);
  makeSparseFile(image, 96 * 1024 * 1024);
});

t.test('a tree and a disk image come back identical in both modes, and nothing is left running', async (t) => {
  const up = new Started([...once, tree, image]);
  t.equal(await up.end(), 0, up.stderr);
  const lines = up.stdout.trimEnd().split('\n');
  t.match(lines[0], /^mode +run +read +new +sent +stored +ratio +rate +time +restored$/);
  t.same(
    lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 2)),
    [
      ['in-flight', '1'],
      ['in-flight', '2'],
      ['source-side', '1'],
      ['source-side', '2'],
    ],
  );
  for (const line of lines.slice(1)) t.match(line, /identical$/);
  t.same(await processesOf(data), []);
  t.equal(statSync(join(data, 'encryption-password')).mode & 0o777, 0o600);
  t.same(
    (await readdir(data)).filter((name) => name.startsWith('restored-')),
    [],
    'no restored folder stays',
  );
});

t.test('the same again finds everything stored: each run sends less than a hundredth', async (t) => {
  const up = new Started([...once, '--json', tree, image]);
  t.equal(await up.end(), 0, up.stderr);
  const { runs } = JSON.parse(up.stdout) as { runs: Row[] };
  const size = 30 * 1024 * 1024;
  t.equal(runs.length, 4);
  for (const run of runs) {
    t.ok(run.identical, `${run.mode} ${run.run}`);
    t.ok(run.bytesSent < size / 100, `${run.mode} ${run.run} sent ${run.bytesSent}`);
  }
});

t.test('a folder that holds the data directory itself is protected without it', async (t) => {
  const folder = t.testdir({ 'kept.txt': 'kept' });
  const up = new Started(['up', '--once', '--port', '0'], { cwd: folder });
  t.equal(await up.end(), 0, up.stderr);
  t.notMatch(up.stderr, /DIFFERENT|warning/);
});

t.test('it stays up until Ctrl-C and then leaves nobody behind', async (t) => {
  const up = new Started(['up', '--port', '0', '--data', data, image]);
  await up.says(/npx sealift point list/);
  t.equal((await processesOf(data)).length, 4, 'itself and three daemons');

  await t.test('a second one on the same data is refused', async (t) => {
    const second = new Started(['up', '--once', '--port', '0', '--data', data, image]);
    t.equal(await second.end(), 1);
    t.match(second.stderr, /another `sealift up` is using/);
  });

  await t.test('the command line it printed works as pasted', async (t) => {
    const [, url, tokenFile, ca] =
      /SEALIFT_URL=(\S+) SEALIFT_TOKEN="\$\(cat (\S+)\)" SEALIFT_CA=(\S+) /.exec(up.stderr) ?? [];
    const token = (await readFile(tokenFile as string, 'utf8')).trim();
    const env = { ...process.env, SEALIFT_URL: url, SEALIFT_TOKEN: token, SEALIFT_CA: ca };
    const list = new Started(['point', 'list', '--json'], { env });
    t.equal(await list.end(), 0, list.stderr);
    t.ok(JSON.parse(list.stdout).items.length >= 8);
    const refused = new Started(['point', 'list'], { env: { ...env, SEALIFT_TOKEN: 'wrong' } });
    t.equal(await refused.end(), 4, 'a wrong token is not permitted');
  });

  up.child.kill('SIGINT');
  t.equal(await up.end(), 0);
  t.same(await processesOf(data), []);
});

t.test('interrupted in the middle it ends with 130 and leaves nobody behind', async (t) => {
  const up = new Started([...once, tree]);
  await up.says(/backing up/);
  up.child.kill('SIGINT');
  t.equal(await up.end(), 130, up.stderr);
  t.same(await processesOf(data), []);
});

t.test('killed with -9 it takes its daemons with it', async (t) => {
  const up = new Started(['up', '--port', '0', '--data', data, image]);
  await up.says(/backing up/);
  t.equal((await processesOf(data)).length, 4);
  up.child.kill('SIGKILL');
  t.equal(await up.end(), 'SIGKILL');
  t.ok(await nobodyWorksOn(data));
});

const node = await olderNode();
const needsOlderNode = node === undefined ? { skip: 'there is no Node older than 24 on the path' } : {};

t.test('an older Node hands over, passes signals on, and leaves nobody behind', needsOlderNode, async (t) => {
  const up = new Started(['up', '--port', '0', '--data', data, image], { node: node as string });
  await up.says(/backing up/);
  t.equal((await processesOf(data)).length, 5);
  up.child.kill('SIGTERM');
  t.equal(await up.end(), 130, up.stderr);
  t.same(await processesOf(data), []);
  const killed = new Started(['up', '--port', '0', '--data', data, image], { node: node as string });
  await killed.says(/backing up/);
  killed.child.kill('SIGKILL');
  await killed.end();
  t.ok(await nobodyWorksOn(data));
});

t.test('a port in use is named, with what to do, and nothing is left running', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  t.teardown(() => holder.close());
  const { port } = holder.address() as { port: number };
  const up = new Started(['up', '--once', '--port', String(Math.min(port, 65_531)), '--data', data, image]);
  t.equal(await up.end(), 1);
  t.match(up.stderr, new RegExp(`${port}`));
  t.match(up.stderr, /--port/);
  t.same(await processesOf(data), []);
});

t.test('what a repository and a password alone give back', async (t) => {
  const to = t.testdir();
  const repository = ['--repository', join(data, 'repository')];
  const password = ['--password-file', join(data, 'encryption-password')];
  const list = new Started(['recover', ...repository, '--list', '--json']);
  t.equal(await list.end(), 0, list.stderr);
  const points = JSON.parse(list.stdout).items as { id: string; mode: string; job: string }[];
  const sealed = points.findLast((point) => point.mode === 'source-side') as { id: string };
  const recover = new Started(['recover', ...repository, '--point', sealed.id, '--to', to, ...password]);
  t.equal(await recover.end(), 0, recover.stderr);
  t.same(readFileSync(join(to, 'tree', 'random')), readFileSync(join(tree, 'random')));
  const wrong = join(t.testdirName, 'wrong');
  const refused = new Started([
    'recover',
    ...repository,
    '--point',
    sealed.id,
    '--to',
    wrong,
    '--password-file',
    '/proc/version',
  ]);
  t.equal(await refused.end(), 1);
  t.match(refused.stderr, /\(wrong-password\)/);
});
