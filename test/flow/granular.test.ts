import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
