import { randomUUID } from 'node:crypto';
import { uuidBytes } from '@sealift/crypto';
import {
  createRepository,
  openRepository,
  parseS3Address,
  type Repository,
  type Store,
  s3Store,
} from '@sealift/repository';
import t, { type Test } from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { FaultProxy, type Faults } from './fixtures/fault-proxy.ts';
import { aSigner, preparePoint } from './fixtures/points.ts';
import { KEYS, Radosgw } from './fixtures/radosgw.ts';

const gateway = await Radosgw.start();
t.teardown(() => gateway[Symbol.asyncDispose]());
const signer = await aSigner();
const holder = randomUUID();

/** A bucket, a way to it through the proxy, and one past it. */
async function setUp(t: Test, patience = 60_000) {
  const proxy = await FaultProxy.open(gateway.port);
  t.teardown(() => proxy[Symbol.asyncDispose]());
  const direct = await gateway.bucket();
  const spool = t.testdir();
  const open = (address: string) =>
    s3Store(parseS3Address(address), { credentials: async () => KEYS, spool, retry: { firstDelay: 10, patience } });
  const [past, through] = [await open(direct), await open(direct.replace(gateway.endpoint, proxy.endpoint))];
  return { proxy, past, through, bucket: parseS3Address(direct).bucket };
}

/** Stores chunks and commits a point with them until each was acknowledged. */
async function backUp(repository: Repository, count: number, length: number) {
  const zone = uuidBytes(repository.id);
  const chunks = Array.from({ length: count }, () => aChunk(length));
  {
    await using writer = repository.writer({ zone });
    await Promise.all(chunks.map((chunk) => writer.put(chunk)));
  }
  const { pointId, file, references } = await preparePoint(repository, signer);
  await repository.commitPoint({ pointId, manifest: file, references });
  return { pointId, chunks };
}

async function checkAll(t: Test, store: Store, backups: Awaited<ReturnType<typeof backUp>>[]): Promise<void> {
  await using repository = await openRepository(store, { holder: randomUUID(), readOnly: true });
  const zone = uuidBytes(repository.id);
  t.same(repository.problems, []);
  t.same((await repository.points()).map(({ id }) => id).sort(), backups.map(({ pointId }) => pointId).sort());
  const bad: string[] = [];
  for (const { id, body } of backups.flatMap(({ chunks }) => chunks)) {
    const read = await repository.readChunk(zone, id).catch(() => undefined);
    if (!read?.body.equals(body)) bad.push(id.toString('hex'));
  }
  t.same(bad, [], 'every acknowledged chunk reads back');
  t.same(await store.list('leases'), []);
  t.same(await store.unfinished(), []);
}

const CAMPAIGNS: [string, Partial<Faults>][] = [
  ['requests are cut off', { cutRequest: 0.3 }],
  ['answers are lost', { cutAnswer: 0.3 }],
  ['a stub in between answers 503', { busy: 0.3 }],
  ['all of it happens, and delays', { cutRequest: 0.1, cutAnswer: 0.1, busy: 0.1, delay: 0.2 }],
];

for (const [title, faults] of CAMPAIGNS) {
  t.test(`backups succeed and lose nothing while ${title}`, async (t) => {
    const { proxy, past, through } = await setUp(t);
    proxy.faults = { cutRequest: 0, cutAnswer: 0, busy: 0, delay: 0, ...faults };
    await createRepository(through);
    const backups = [];
    for (let round = 0; round < 6; round++) {
      await using repository = await openRepository(through, { holder });
      t.same(repository.problems, []);
      backups.push(await backUp(repository, 40, 1 + Math.floor(Math.random() * 600_000)));
    }
    for (const fault of Object.keys(faults) as (keyof Faults)[])
      t.ok(proxy.happened[fault] > 5, `${fault} happened ${proxy.happened[fault]} times`);
    await checkAll(t, past, backups);
  });
}

t.test('a long file whose parts, and whose end, are cut off again and again arrives whole', async (t) => {
  const { proxy, past, through } = await setUp(t);
  proxy.faults = { cutRequest: 0.3, cutAnswer: 0.3, busy: 0, delay: 0 };
  const { body } = aChunk(40 * 1024 * 1024);
  for (let round = 0; round < 3; round++) {
    await using file = await through.grow(`${round}.references`);
    await file.append([body]);
    await file.publish(`references/${round}`);
    const { tail, length } = await past.readTail(`references/${round}`, body.length);
    t.same([length, tail.equals(body)], [body.length, true]);
  }
  t.ok(proxy.happened.cutRequest > 0 && proxy.happened.cutAnswer > 0);
});

t.test(
  'while the store is away puts fail in time, what was acknowledged stays, and the work goes on later',
  async (t) => {
    const { proxy, past, through } = await setUp(t, 300);
    const zone = uuidBytes((await createRepository(past)).id);
    await using repository = await openRepository(through, { holder });
    const first = await backUp(repository, 5, 10_000);
    const prepared = await preparePoint(repository, signer);
    proxy.faults = { cutRequest: 0.5, cutAnswer: 1, busy: 0, delay: 0 };
    const writer = repository.writer({ zone });
    const late = aChunk(10_000);
    await t.rejects(writer.put(late), { code: 'store-unreachable', kind: 'retry', message: /127\.0\.0\.1/ });
    await t.rejects(repository.commitPoint({ ...prepared, manifest: prepared.file }), { code: 'store-unreachable' });
    proxy.faults = { cutRequest: 0, cutAnswer: 0, busy: 0, delay: 0 };
    await writer.close();
    await repository.commitPoint({ ...prepared, manifest: prepared.file });
    const second = await backUp(repository, 5, 10_000);
    await repository[Symbol.asyncDispose]();
    await checkAll(t, past, [first, second, { pointId: prepared.pointId, chunks: prepared.chunks }]);
  },
);

t.test(
  'a quota that is used up fails clearly, all that was acknowledged stays, and work goes on when it is raised',
  async (t) => {
    const { past, bucket } = await setUp(t);
    const zone = uuidBytes((await createRepository(past)).id);
    const quota = (size: string) =>
      gateway.admin('quota', 'set', '--quota-scope=bucket', '--uid=test', `--bucket=${bucket}`, `--max-size=${size}`);
    await quota('12M');
    await gateway.admin('quota', 'enable', '--quota-scope=bucket', '--uid=test', `--bucket=${bucket}`);
    const stored: ReturnType<typeof aChunk>[] = [];
    const first = await openRepository(past, { holder });
    const prepared = await preparePoint(first, signer);
    const writer = first.writer({ zone });
    const failure = await (async () => {
      for (;;) {
        const chunk = aChunk(1_000_000);
        await writer.put(chunk);
        stored.push(chunk);
      }
    })().catch((thrown) => thrown);
    t.match(failure, { code: 'disk-full', kind: 'refused', message: new RegExp(bucket), advice: /quota/ });
    t.ok(stored.length >= 5, `${stored.length} chunks fitted`);
    await t.rejects(writer.put(aChunk()), { code: 'disk-full' }, 'the session stays failed');
    await writer.close();
    await quota('100M');
    await first.commitPoint({ ...prepared, manifest: prepared.file });
    await first[Symbol.asyncDispose]();
    const later = await openRepository(past, { holder });
    const second = await backUp(later, 5, 1_000_000);
    await later[Symbol.asyncDispose]();
    const chunks = [...prepared.chunks, ...stored];
    await checkAll(t, past, [{ pointId: prepared.pointId, chunks }, second]);
  },
);
