import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepository, folderCache, openRepository, parseS3Address, s3Store } from '@sealift/repository';
import t from 'tap';
import { FaultProxy } from './fixtures/fault-proxy.ts';
import { theGateway } from './fixtures/places.ts';
import { aSigner, commitPoint } from './fixtures/points.ts';
import { KEYS } from './fixtures/radosgw.ts';

const holder = randomUUID();
const PLENTY = 1 << 30;

t.test('a repository opened again reads no ends of packs, lists or points that this machine read before', async (t) => {
  const gateway = await theGateway();
  const proxy = await FaultProxy.open(gateway.port);
  t.teardown(() => proxy[Symbol.asyncDispose]());
  const address = (await gateway.bucket()).replace(gateway.endpoint, proxy.endpoint);
  const folder = t.testdir();
  const store = await s3Store(parseS3Address(address), { credentials: async () => KEYS, spool: join(folder, 'spool') });
  await createRepository(store);
  const signer = await aSigner();
  {
    await using repository = await openRepository(store, { holder });
    for (let i = 0; i < 5; i++) await commitPoint(repository, signer);
  }
  const open = async () => {
    const cache = await folderCache(join(folder, 'cache'), PLENTY);
    const before = proxy.requests.length;
    await using repository = await openRepository(store, { holder, readOnly: true, cache });
    const found = { ...repository.stats(), problems: [...repository.problems], points: await repository.points() };
    const asked = proxy.requests.slice(before).filter((line) => /^(GET|HEAD) .*(packs|points|references)\//.test(line));
    return { found, asked: asked.length };
  };
  const first = await open();
  t.equal(first.asked, 15, 'five packs, points and lists');
  const second = await open();
  t.same(second, { found: first.found, asked: 0 });

  const [entry] = (await readdir(join(folder, 'cache'))) as [string];
  const path = join(folder, 'cache', entry);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
  await writeFile(path, bytes);
  t.same(await open(), { found: first.found, asked: 1 }, 'a damaged copy is read again');
  t.same(await open(), { found: first.found, asked: 0 }, 'and kept again');
});

t.test('a cache stays within its bound, the oldest entries make room', async (t) => {
  const folder = join(t.testdir(), 'cache');
  const cache = await folderCache(folder, 100_000);
  const tail = () => ({ tail: randomBytes(1000), length: 5000 });
  const last = tail();
  for (let i = 0; i < 300; i++) await cache.put(`packs/${i}`, tail());
  await cache.put('packs/last', last);
  await cache.put('packs/large', { tail: randomBytes(20_000), length: 20_000 });
  t.same(await cache.get('packs/last'), last);
  t.equal(await cache.get('packs/0'), undefined);
  t.equal(await cache.get('packs/large'), undefined, 'one entry does not push out all others');
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
  t.ok(sizes.reduce((sum, size) => sum + size, 0) <= 100_000 && sizes.length > 90, `${sizes.length} entries`);
  await writeFile(join(folder, 'half.tmp'), 'torn');
  const again = await folderCache(folder, 100_000);
  t.same(await again.get('packs/last'), last, 'also in the next program');
  t.equal((await readdir(folder)).length, sizes.length);
});
