import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CreateMultipartUploadCommand, HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { parseS3Address, type Store, s3Store } from '@sealift/repository';
import t, { type Test } from 'tap';
import { aSigner } from './fixtures/points.ts';
import { KEYS, Radosgw } from './fixtures/radosgw.ts';

const gateway = await Radosgw.start();
t.teardown(() => gateway[Symbol.asyncDispose]());

const MIB = 1024 * 1024;

async function aStore(
  t: Test,
  options: { lock?: boolean } = {},
): Promise<{ store: Store; spool: string; bucket: string }> {
  const address = parseS3Address(await gateway.bucket({ prefix: 'some/where', ...options }));
  const spool = join(t.testdir(), 'spool');
  const store = await s3Store(address, { credentials: async () => KEYS, spool, retry: { patience: 500 } });
  t.teardown(() => store[Symbol.asyncDispose]());
  return { store, spool, bucket: address.bucket };
}

t.test('what is published is whole, is read in ranges, and is never replaced', async (t) => {
  const { store } = await aStore(t);
  const bytes = randomBytes(100_000);
  await store.publish('points/a', bytes);
  t.ok((await store.read('points/a', 10, 5000)).equals(bytes.subarray(10, 5010)));
  t.equal((await store.read('points/a', 10, 0)).length, 0);
  const { tail, length } = await store.readTail('points/a', 64);
  t.same([length, tail.equals(bytes.subarray(-64))], [100_000, true]);
  t.ok((await store.readTail('points/a', MIB)).tail.equals(bytes));
  t.same(await store.readTail('points/a', 0), { tail: Buffer.alloc(0), length: 100_000 });
  await t.rejects(store.publish('points/a', randomBytes(10)), { code: 'file-exists' });
  await t.rejects(store.publish('points/a', bytes), { code: 'file-exists' }, 'nor by the same bytes');
  t.ok((await store.readTail('points/a', MIB)).tail.equals(bytes));
});

t.test('what is not there and what is too short are told apart', async (t) => {
  const { store } = await aStore(t);
  await t.rejects(store.read('points/none', 0, 10), { code: 'file-missing', message: /some\/where\/points\/none/ });
  await t.rejects(store.readTail('points/none', 10), { code: 'file-missing' });
  await t.rejects(store.readTail('points/none', 0), { code: 'file-missing' });
  await store.publish('points/empty', Buffer.alloc(0));
  t.same(await store.readTail('points/empty', 10), { tail: Buffer.alloc(0), length: 0 });
  await store.publish('points/short', Buffer.from('short'));
  await t.rejects(store.read('points/short', 2, 10), { code: 'format-damaged', message: /cut off/ });
  await t.rejects(store.read('points/short', 20, 10), { code: 'format-damaged', message: /cut off/ });
  await store.remove('points/none');
  await store.remove('points/short');
  t.same(await store.list('points'), ['points/empty']);
  t.same(await store.list('point'), [], 'a folder is more than the beginning of a name');
  t.equal(await store.freeBytes(), undefined);
});

t.test('listings go on over many pages', async (t) => {
  const { store } = await aStore(t);
  const names = Array.from({ length: 1100 }, (_, i) => `leases/${i}`);
  for (let i = 0; i < names.length; i += 50)
    await Promise.all(names.slice(i, i + 50).map((name) => store.publish(name, Buffer.alloc(0))));
  t.same((await store.list('leases')).sort(), names.sort());
});

for (const lock of [false, true])
  t.test(
    `of twenty that publish one name at the same time one succeeds, ${lock ? 'with' : 'without'} versions`,
    async (t) => {
      const { store } = await aStore(t, { lock });
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) => store.publish('config', Buffer.from(String(i)))),
      );
      const won = results.findIndex(({ status }) => status === 'fulfilled');
      t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const result of results) if (result.status === 'rejected') t.match(result.reason, { code: 'file-exists' });
      t.equal((await store.readTail('config', 100)).tail.toString(), String(won));
    },
  );

t.test('a growing file is seen by nobody before it is published, and leaves nothing on this machine', async (t) => {
  const { store, spool } = await aStore(t);
  const [name, other] = ['references/x', 'references/y'];
  const bytes = randomBytes(300_000);
  await using file = await store.grow('a.references');
  await file.append([bytes.subarray(0, 1000), bytes.subarray(1000)]);
  await file.append([randomBytes(500)]);
  await file.cutBack(bytes.length);
  t.ok((await store.read(file.name, 500, 2000)).equals(bytes.subarray(500, 2500)));
  t.equal((await store.readTail(file.name, 10)).length, bytes.length);
  t.same([await store.list('references'), await store.unfinished()], [[], [file.name]]);
  await file.publish(name);
  t.equal(file.name, name);
  t.ok((await store.readTail(name, MIB)).tail.equals(bytes));
  await using again = await store.grow('a.references');
  await again.append([Buffer.from('replaces')]);
  await again.publish(name);
  t.equal((await store.readTail(name, MIB)).tail.toString(), 'replaces');
  await using given = await store.grow('b.references');
  await given.discard();
  await t.rejects(store.readTail(other, 10), { code: 'file-missing' });
  t.same([await store.unfinished(), await readdir(spool)], [[], []]);
});

t.test('a long file goes in parts, and what a crash leaves of such an upload can be removed', async (t) => {
  const { store, bucket } = await aStore(t);
  const bytes = randomBytes(40 * MIB);
  await using file = await store.grow('a.references');
  await file.append([bytes]);
  await file.publish('references/long');
  const { tail, length } = await store.readTail('references/long', 64 * MIB);
  t.same([length, tail.equals(bytes)], [bytes.length, true]);
  const client = gateway.client();
  const facts = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'some/where/references/long' }));
  t.match(facts.ETag, /-3"$/, 'in three parts');

  await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'some/where/references/torn' }));
  const [torn] = (await store.unfinished()) as [string];
  t.match(torn, /^incoming\/.*\.upload$/);
  await store.remove(torn);
  t.same(await store.unfinished(), []);
  t.notOk((await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads);
});

for (const lock of [false, true]) {
  t.test(`marks are made once, renewed and removed in a bucket ${lock ? 'with' : 'without'} versions`, async (t) => {
    const { store } = await aStore(t, { lock });
    await store.mark('leases/a');
    await t.rejects(store.mark('leases/a'), { code: 'file-exists' });
    const age = await store.markAge('leases/a');
    t.ok(age !== undefined && age > -2000 && age < 60_000, `${age} ms by the clock of the store`);
    for (let i = 0; i < 3; i++) t.equal(await store.renewMark('leases/a'), true);
    await store.remove('leases/a');
    t.equal(await store.renewMark('leases/a'), false);
    t.equal(await store.markAge('leases/a'), undefined);
    t.same(await store.list('leases'), []);
    const left = await versionsIn(store.location);
    t.same(left, [], 'no versions are left');
  });
}

async function versionsIn(location: string): Promise<string[]> {
  const { ListObjectVersionsCommand } = await import('@aws-sdk/client-s3');
  const { bucket } = parseS3Address(location);
  const page = await gateway.client().send(new ListObjectVersionsCommand({ Bucket: bucket }));
  return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key }) => Key as string);
}

t.test('wrong keys, a missing bucket and a store that is away are told apart, and no secret is told', async (t) => {
  const address = await gateway.bucket();
  const spool = t.testdir();
  const failureOf = async (text: string, keys: typeof KEYS) => {
    await using store = await s3Store(parseS3Address(text), {
      credentials: async () => keys,
      spool,
      retry: { patience: 300 },
    });
    const failure = await store.read('config', 0, 100).catch((thrown) => thrown);
    t.notMatch(`${failure.message} ${failure.advice} ${failure.stack}`, keys.secretAccessKey);
    return failure;
  };
  const [{ bucket }, where] = [parseS3Address(address), gateway.endpoint];
  const named = new RegExp(`${bucket}.*${where}`);
  const wrong = { ...KEYS, secretAccessKey: 'a-wrong-but-secret-word' };
  t.match(await failureOf(address, wrong), { code: 'store-credentials', kind: 'refused', message: named });
  const unknown = { accessKeyId: 'NOBODY', secretAccessKey: 'a-secret-of-nobody' };
  t.match(await failureOf(address, unknown), { code: 'store-credentials', kind: 'refused', message: named });
  const none = address.replace(bucket, `none-${randomUUID()}`);
  t.match(await failureOf(none, KEYS), { code: 'bucket-missing', kind: 'refused', message: /none-/ });
  await gateway.admin(
    'user',
    'create',
    '--uid=other',
    '--display-name=other',
    '--access-key=OTHER',
    '--secret-key=others-secret',
  );
  const other = { accessKeyId: 'OTHER', secretAccessKey: 'others-secret' };
  t.match(await failureOf(address, other), { code: 'store-refused', kind: 'refused', message: named });
  const away = address.replace(where, 'http://127.0.0.1:1');
  t.match(await failureOf(away, KEYS), { code: 'store-unreachable', kind: 'retry', message: /127\.0\.0\.1:1/ });
});

t.test('an endpoint whose certificate nobody vouches for is refused at once', async (t) => {
  const { identity } = await aSigner();
  const key = identity.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const server = createServer({ key, cert: identity.certificate }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const address = parseS3Address(`s3://somewhere?endpoint=https://127.0.0.1:${port}`);
  await using store = await s3Store(address, { credentials: async () => KEYS, spool: t.testdir() });
  await t.rejects(store.publish('config', Buffer.alloc(10)), {
    code: 'store-untrusted',
    kind: 'refused',
    advice: /NODE_EXTRA_CA_CERTS/,
  });
});

t.test('a quota that is used up is a full disk', async (t) => {
  const { store, bucket } = await aStore(t);
  await store.publish('points/a', randomBytes(1000));
  await gateway.admin('quota', 'set', '--quota-scope=bucket', '--uid=test', '--max-objects=1', `--bucket=${bucket}`);
  await gateway.admin('quota', 'enable', '--quota-scope=bucket', '--uid=test', `--bucket=${bucket}`);
  await t.rejects(store.publish('points/b', randomBytes(1000)), {
    code: 'disk-full',
    kind: 'refused',
    message: new RegExp(bucket),
    advice: /quota/,
  });
  t.equal((await store.readTail('points/a', 10)).length, 1000, 'what is there can be read');
});
