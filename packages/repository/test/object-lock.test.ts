import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, HeadObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, openRepository, parseS3Address, s3Store } from '@sealift/repository';
import t, { type Test } from 'tap';
import { aChunk } from './fixtures/chunks.ts';
import { theGateway } from './fixtures/places.ts';
import { aSigner, preparePoint } from './fixtures/points.ts';
import { KEYS } from './fixtures/radosgw.ts';

const holder = randomUUID();
const signer = await aSigner();
const HOUR = 3_600_000;
const wholeSecond = (time: number) => Math.ceil(time / 1000) * 1000;

async function lockable(t: Test, lock = true) {
  const gateway = await theGateway();
  const address = parseS3Address(await gateway.bucket({ lock, prefix: 'here' }));
  const store = await s3Store(address, { credentials: async () => KEYS, spool: t.testdir() });
  const { id } = await createRepository(store);
  const client = gateway.client();
  const at = (name: string) => ({ Bucket: address.bucket, Key: `${address.prefix}${name}` });
  const heldUntil = async (name: string) => {
    const { ObjectLockMode, ObjectLockRetainUntilDate } = await client.send(new HeadObjectCommand(at(name)));
    return ObjectLockMode === 'COMPLIANCE' ? ObjectLockRetainUntilDate?.getTime() : undefined;
  };
  return { store, zone: uuidBytes(id), client, at, heldUntil };
}

t.test('the files of a locked point are locked in the bucket, those of others are not', async (t) => {
  const { store, zone, heldUntil } = await lockable(t);
  await using repository = await openRepository(store, { holder });
  const shared = aChunk();
  {
    await using writer = repository.writer({ zone });
    await writer.put(shared);
  }
  const [sharedPack] = (await store.list('packs')) as [string];
  const free = await preparePoint(repository, signer);
  await repository.commitPoint({ ...free, manifest: free.file });
  const before = new Set(await store.list('packs'));

  const prepared = await preparePoint(repository, signer, { absent: [shared.id] });
  const point = await repository.commitPoint({ ...prepared, manifest: prepared.file, lockFor: HOUR });
  const until = point.lockedUntil as number;
  const files = ['config', `points/${point.id}`, `references/${point.id}`, sharedPack];
  const own = (await store.list('packs')).filter((name) => !before.has(name));
  for (const name of [...files, ...own]) t.equal(await heldUntil(name), wholeSecond(until), name);
  t.equal(own.length, 1);
  for (const name of [`points/${free.pointId}`, `references/${free.pointId}`])
    t.equal(await heldUntil(name), undefined);
  const others = [...before].filter((name) => name !== sharedPack);
  for (const name of others) t.equal(await heldUntil(name), undefined);

  const longer = await repository.lockPoint(point.id, until + HOUR);
  t.equal(longer.lockedUntil, until + HOUR);
  for (const name of [...files, ...own]) t.equal(await heldUntil(name), wholeSecond(until + HOUR), `${name} longer`);
  await repository.lockPoint(free.pointId, until);
  t.equal(await heldUntil('config'), wholeSecond(until + HOUR), 'another lock that ends earlier shortens nothing');
  t.equal(await heldUntil(`points/${free.pointId}`), wholeSecond(until));
});

t.test('stolen keys cannot delete what a locked point needs, nor can this program', async (t) => {
  const { store, client, at } = await lockable(t);
  await using repository = await openRepository(store, { holder });
  const prepared = await preparePoint(repository, signer);
  const { id } = await repository.commitPoint({ ...prepared, manifest: prepared.file, lockFor: HOUR });
  const [pack] = (await store.list('packs')) as [string];
  const { Versions } = await client.send(
    new ListObjectVersionsCommand({ Bucket: at('').Bucket, Prefix: at(pack).Key }),
  );
  const VersionId = Versions?.[0]?.VersionId as string;
  await t.rejects(client.send(new DeleteObjectCommand({ ...at(pack), VersionId })), { name: 'AccessDenied' });
  await t.rejects(store.remove(pack), { code: 'object-locked', kind: 'refused' });
  await t.rejects(repository.removePoint(id, { reason: 'try' }), { code: 'point-locked' });

  // A delete without a version only hides, and what was hidden is there again once the marker is gone.
  const { VersionId: marker } = await client.send(new DeleteObjectCommand(at(pack)));
  await t.rejects(store.readTail(pack, 10), { code: 'file-missing' });
  await client.send(new DeleteObjectCommand({ ...at(pack), VersionId: marker }));
  for (const { id: chunk, body } of prepared.chunks)
    t.ok((await repository.readChunk(prepared.zone, chunk)).body.equals(body));
});

t.test('in a bucket without object lock points are locked all the same, by this program alone', async (t) => {
  const { store, heldUntil } = await lockable(t, false);
  await using repository = await openRepository(store, { holder });
  const prepared = await preparePoint(repository, signer);
  const { id, lockedUntil } = await repository.commitPoint({ ...prepared, manifest: prepared.file, lockFor: HOUR });
  t.ok((lockedUntil as number) > Date.now());
  t.equal(await heldUntil(`points/${id}`), undefined);
  await t.rejects(repository.removePoint(id, { reason: 'try' }), { code: 'point-locked' });
});

t.test('what no lock holds is removed from a bucket with versions, and its space is free', async (t) => {
  const { store, client, at } = await lockable(t);
  await using repository = await openRepository(store, { holder });
  const prepared = await preparePoint(repository, signer);
  const { id } = await repository.commitPoint({ ...prepared, manifest: prepared.file });
  await repository.removePoint(id, { reason: 'no longer needed' });
  for (const name of [`points/${id}`, `references/${id}`]) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: at('').Bucket, Prefix: at(name).Key }));
    t.same([page.Versions ?? [], page.DeleteMarkers ?? []], [[], []]);
  }
});
