import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesystemStore, openRepository, type Repository } from '@sealift/repository';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { keysForRecovery, recoverFromRepository, unlockFromPassword } from '../src/index.ts';
import { pair } from './pair.ts';
import { makeTree, noise } from './sources.ts';

const NEVER = new AbortController().signal;

function recovery(repository: Repository, to: string, password: string) {
  return {
    pointId: 'latest',
    keys: keysForRecovery({ password: async () => password }, repository),
    unlock: unlockFromPassword(async () => password),
    destination: to,
    only: [],
    overwrite: 'always' as const,
    workers: 1,
    onProgress: () => {},
    onWarning: () => {},
  };
}

t.test(
  'the repository and the password alone bring a source-side point back, and a wrong password is told apart from damage',
  async (t) => {
    await using both = await pair();
    const source = join(both.folder, 'data');
    makeTree(source);
    await both.backup([source], 'source-side');
    await using repository = await openRepository(filesystemStore(both.repositoryPath), {
      holder: both.sourceId,
      readOnly: true,
    });
    const restored = join(both.folder, 'recovered');
    await recoverFromRepository(repository, recovery(repository, restored, both.password), NEVER);
    t.same([...compareTrees(source, join(restored, 'data'))], []);
    await t.rejects(recoverFromRepository(repository, recovery(repository, restored, 'a wrong password'), NEVER), {
      code: 'wrong-password',
    });
  },
);

t.test('a damaged chunk costs the files it is in, names them, and the rest is restored', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  mkdirSync(source);
  for (let i = 0; i < 8; i++) writeFileSync(join(source, `noise-${i}`), noise(`damage ${i}`, 1_000_000));
  const { pointId } = await both.backup([source], 'in-flight');
  const pack = largestFile(join(both.repositoryPath));
  const bytes = readFileSync(pack);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8((bytes[middle] as number) ^ 1, middle);
  writeFileSync(pack, bytes);
  const restored = join(both.folder, 'restored');
  const { warned } = await both.restore(pointId, 'in-flight', restored);
  t.equal(warned.length, 1);
  t.match(warned[0]?.path.toString(), /^data\/noise-\d$/);
  t.match(warned[0]?.code, 'chunk-damaged');
  const lost = warned[0]?.path.toString().slice('data/'.length) as string;
  t.same(
    readdirSync(join(restored, 'data')).sort(),
    readdirSync(source)
      .filter((name) => name !== lost)
      .sort(),
  );
});

function largestFile(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return files.reduce((best, path) => (statSync(path).size > statSync(best).size ? path : best));
}

t.test('a file that vanishes while the backup runs is named in a warning while the rest is kept', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  mkdirSync(join(source, 'gone'), { recursive: true });
  writeFileSync(join(source, 'kept'), 'kept');
  writeFileSync(join(source, 'gone/away'), noise('vanishing', 400_000));
  const { pointId, warned } = await both.backup([source], 'source-side', {
    onProgress: () => rmSync(join(source, 'gone/away'), { force: true }),
  });
  const restored = join(both.folder, 'restored');
  await both.restore(pointId, 'source-side', restored);
  t.equal(readFileSync(join(restored, 'data/kept'), 'utf8'), 'kept');
  t.ok(warned.every(({ path, message }) => path.includes('gone') && message.length > 0));
});
