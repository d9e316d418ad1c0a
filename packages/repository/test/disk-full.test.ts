import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { aSigner, commitPoint, preparePoint } from './fixtures/points.ts';

const holder = randomUUID();

/** A filesystem of its own with little space; undefined where mounting is not allowed. */
async function smallDisk(mebibytes: number): Promise<({ directory: string } & AsyncDisposable) | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'sealift-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'sealift-test', directory], { stdio: 'ignore' });
  } catch {
    await rm(directory, { recursive: true });
    return undefined;
  }
  const unmount = async () => {
    execFileSync('umount', [directory]);
    await rm(directory, { recursive: true });
  };
  return { directory, [Symbol.asyncDispose]: unmount };
}

/** Takes what space is left. */
async function fill(directory: string): Promise<string> {
  const path = join(directory, 'ballast');
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    while (
      await writeFile(path, randomBytes(size), { flag: 'a' }).then(
        () => true,
        () => false,
      )
    );
  }
  return path;
}

t.test(
  'a disk that fills up while chunks are written fails clearly, and all that was acknowledged stays',
  async (t) => {
    await using disk = await smallDisk(24);
    if (disk === undefined) {
      t.plan(0, 'mounting a small filesystem needs root');
      return;
    }
    const store = filesystemStore(disk.directory);
    const zone = uuidBytes((await createRepository(store)).id);
    const signer = await aSigner();
    const acknowledged: ReturnType<typeof aChunk>[] = [];
    {
      await using repository = await openRepository(store, { holder });
      const point = await commitPoint(repository, signer);
      await using writer = repository.writer({ zone });
      const failure = await (async () => {
        for (;;) {
          const chunk = aChunk(1_000_000);
          await writer.put(chunk);
          acknowledged.push(chunk);
        }
      })().catch((thrown) => thrown);
      t.match(failure, { code: 'disk-full', message: new RegExp(store.location), advice: /space/ });
      await t.rejects(writer.put(aChunk()), { code: 'disk-full' }, 'the session stays failed');
      for (const { id, body } of acknowledged) t.ok((await repository.readChunk(zone, id)).body.equals(body));
      t.match(await repository.points(), [{ id: point.id }]);
      t.ok((repository.stats().freeBytes ?? -1) >= 0);
    }
    t.ok(acknowledged.length > 10, `${acknowledged.length} chunks fitted`);
    const ballast = await fill(store.location);
    {
      await using repository = await openRepository(store, { holder, readOnly: true });
      for (const { id, body } of acknowledged) t.ok((await repository.readChunk(zone, id)).body.equals(body));
    }
    await rm(ballast);
    await using repository = await openRepository(store, { holder });
    t.same(repository.problems, []);
    for (const { id, body } of acknowledged) t.ok((await repository.readChunk(zone, id)).body.equals(body));
  },
);

t.test('a point that cannot be committed for lack of space is not visible, and can be committed later', async (t) => {
  await using disk = await smallDisk(8);
  if (disk === undefined) {
    t.plan(0, 'mounting a small filesystem needs root');
    return;
  }
  const store = filesystemStore(disk.directory);
  await createRepository(store);
  const signer = await aSigner();
  {
    await using repository = await openRepository(store, { holder });
    const { pointId, file, references } = await preparePoint(repository, signer);
    const commit = { pointId, manifest: file, references };
    const ballast = await fill(store.location);
    await t.rejects(repository.commitPoint(commit), { code: 'disk-full' });
    t.same(await repository.points(), []);
    t.same(await store.list('points'), []);
    await rm(ballast);
    t.match(await repository.commitPoint(commit), { id: pointId });
  }
  await using repository = await openRepository(store, { holder });
  t.equal((await repository.points()).length, 1);
});

t.test('torn packs that cannot be copied for lack of space are read where they stand', async (t) => {
  await using disk = await smallDisk(8);
  if (disk === undefined) {
    t.plan(0, 'mounting a small filesystem needs root');
    return;
  }
  const store = filesystemStore(disk.directory);
  const zone = uuidBytes((await createRepository(store)).id);
  const chunks = [aChunk(200_000), aChunk(10)];
  const former = await openRepository(store, { holder });
  const writer = former.writer({ zone });
  for (const chunk of chunks) await writer.put(chunk);
  const ballast = await fill(store.location);
  {
    await using repository = await openRepository(store, { holder });
    t.match(repository.problems, [{ code: 'disk-full' }]);
    for (const { id, body } of chunks) t.ok((await repository.readChunk(zone, id)).body.equals(body));
  }
  await t.rejects(async () => former[Symbol.asyncDispose](), { code: 'lease-lost' });
  await rm(ballast);
  await using repository = await openRepository(store, { holder });
  t.same(repository.problems, []);
  t.equal((await store.list('packs')).length, 1);
  for (const { id, body } of chunks) t.ok((await repository.readChunk(zone, id)).body.equals(body));
});

t.test(
  'an existing repository on a disk mounted read-only can be read, and cannot be opened for writing',
  async (t) => {
    await using disk = await smallDisk(8);
    if (disk === undefined) {
      t.plan(0, 'mounting a small filesystem needs root');
      return;
    }
    const store = filesystemStore(disk.directory);
    await createRepository(store);
    {
      await using repository = await openRepository(store, { holder });
      await commitPoint(repository, await aSigner());
    }
    execFileSync('mount', ['-o', 'remount,ro', store.location]);
    await t.rejects(openRepository(store, { holder }), { code: 'read-only' });
    await using repository = await openRepository(store, { holder, readOnly: true });
    t.equal((await repository.points()).length, 1);
  },
);
