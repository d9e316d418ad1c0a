import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Site } from './site.ts';
import { Started } from './up-process.ts';

t.jobs = 1;

const MIB = 1024 * 1024;

/** Mounts a filesystem of this size, or changes the size of the one that is there; false where that is not allowed. */
function smallDisk(directory: string, mebibytes: number, ...more: string[]): boolean {
  const options = [`size=${mebibytes}m`, ...more].join(',');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'sealift-test', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

t.test('a target whose disk is full fails the run, keeps what it has, and goes on when there is space', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-full-'));
  const disk = join(folder, 'disk');
  await mkdir(disk);
  if (!smallDisk(disk, 48)) {
    await rm(folder, { recursive: true });
    t.plan(0, 'mounting a small filesystem needs root');
    return;
  }
  const site = await Site.open(folder);
  t.teardown(async () => {
    await site[Symbol.asyncDispose]();
    execFileSync('umount', [disk]);
    await rm(folder, { recursive: true, force: true });
  });
  const sealift = async (...args: string[]) => {
    const command = new Started(args, { env: { ...process.env, ...site.environment } });
    return { status: await command.end(), stdout: command.stdout, stderr: command.stderr };
  };
  const points = async (): Promise<{ id: string }[]> =>
    JSON.parse((await sealift('point', 'list', '--job', 'films', '--json')).stdout).items;
  const restores = async (id: string, to: string, film: Buffer) => {
    const restore = await sealift('point', 'restore', id, '--to', `source:${join(folder, to)}`, '--wait');
    t.equal(restore.status, 0, restore.stderr);
    t.ok((await readFile(join(folder, to, 'tree', 'film'))).equals(film), `${to}: identical`);
  };

  const tree = join(folder, 'tree');
  await mkdir(tree);
  const small = randomBytes(10 * MIB);
  await writeFile(join(tree, 'film'), small);
  const repository = join(disk, 'small');
  t.equal((await sealift('repository', 'create', 'small', '--transporter', 'target', '--path', repository)).status, 0);
  const flags = ['--repository', 'small', '--encryption', 'in-flight'];
  t.equal((await sealift('job', 'create', 'films', '--source', `source:${tree}`, ...flags)).status, 0);
  t.equal((await sealift('job', 'run', 'films', '--wait')).status, 0);
  const [first] = await points();

  const large = randomBytes(64 * MIB);
  await writeFile(join(tree, 'film'), large);
  const full = await sealift('job', 'run', 'films', '--wait');
  t.equal(full.status, 1);
  t.match(full.stderr, /\(disk-full\)/);
  t.match(full.stderr, /space/, 'it says what to do');
  t.same(await points(), [first], 'the earlier point stays, alone');
  await restores(first?.id as string, 'restored-full', small);

  t.ok(smallDisk(disk, 256, 'remount'));
  const again = await sealift('job', 'run', 'films', '--wait');
  t.equal(again.status, 0, again.stderr);
  const [newest, oldest] = await points();
  t.same(oldest, first);
  await restores(newest?.id as string, 'restored-again', large);
  await restores(first?.id as string, 'restored-first', small);
  t.equal((await readdir(join(repository, 'points'))).length, 2);
});
