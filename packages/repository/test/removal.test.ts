import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';
import { aSigner, commitPoint, preparePoint } from './fixtures/points.ts';

const holder = randomUUID();
const signer = await aSigner();
const DAY = 24 * 3_600_000;

async function newRepository(t: { testdir(): string }) {
  const store = filesystemStore(t.testdir());
  await createRepository(store);
  return { store, repository: await openRepository(store, { holder }) };
}

t.test('a removed point is gone at once and after reopening, and the log tells of it', async (t) => {
  const { store, repository } = await newRepository(t);
  const [gone, kept] = [await commitPoint(repository, signer), await commitPoint(repository, signer)];
  await repository.removePoint(gone.id, { reason: 'retention of job 7, by the Director' });
  t.same(await repository.points(), [kept]);
  await t.rejects(repository.readPoint(gone.id), { code: 'point-missing' });
  await t.rejects(repository.removePoint(gone.id, { reason: '' }), { code: 'point-missing' });
  t.same(await store.list('references'), [`references/${kept.id}`]);
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  t.same(await again.points(), [kept]);
  const [removal, ...none] = await again.removals(10);
  t.match(removal, { pointId: gone.id, reason: 'retention of job 7, by the Director', point: { jobId: gone.jobId } });
  t.ok(removal?.point?.hash.equals(gone.hash) && removal.removedAt >= gone.receivedAt);
  t.same(none, []);
});

t.test('a locked point cannot be removed, and its lock is only ever extended', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  const until = repository.now() + 2 * DAY;
  t.equal((await repository.lockPoint(point.id, until)).lockedUntil, until);
  await t.rejects(repository.removePoint(point.id, { reason: '' }), {
    code: 'point-locked',
    message: /locked until 20/,
  });
  await t.rejects(repository.lockPoint(point.id, until - 1), { code: 'lock-refused', message: /never shortened/ });
  await t.rejects(repository.lockPoint(point.id, repository.now() - 1), { code: 'lock-refused' });
  await t.rejects(repository.lockPoint(point.id, until * 1000), { code: 'lock-refused' }, 'microseconds by mistake');
  await repository.lockPoint(point.id, until);
  await repository.lockPoint(point.id, until + DAY);
  await repository.holdPoint(point.id, 'court case');
  await repository.releasePoint(point.id);
  await repository[Symbol.asyncDispose]();
  t.equal((await store.list('locks')).length, 1, 'what a later lock says as well is removed');
  await using again = await openRepository(store, { holder });
  t.match(await again.points(), [{ id: point.id, lockedUntil: until + DAY }]);
  await t.rejects(again.removePoint(point.id, { reason: '' }), { code: 'point-locked' });
  t.same(await again.removals(10), [], 'what was refused is not logged');
});

t.test('a lock that ended keeps nothing', async (t) => {
  const { repository } = await newRepository(t);
  await using _open = repository;
  const point = await commitPoint(repository, signer);
  const until = repository.now() + 3000;
  await repository.lockPoint(point.id, until);
  while (repository.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
  await repository.removePoint(point.id, { reason: 'expired' });
  t.same(await repository.points(), []);
});

t.test('a held point cannot be removed before it is released', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository.holdPoint(point.id, 'court case');
  await repository[Symbol.asyncDispose]();
  await using again = await openRepository(store, { holder });
  t.match(await again.points(), [{ hold: { reason: 'court case' } }]);
  await t.rejects(again.removePoint(point.id, { reason: '' }), { code: 'point-held', message: /court case/ });
  await t.rejects(again.holdPoint(point.id, 'x'.repeat(2000)), { code: 'format-limit' });
  await again.releasePoint(point.id);
  t.notOk('hold' in ((await again.points())[0] ?? {}));
  await again.removePoint(point.id, { reason: '' });
  t.same(await store.list('locks'), []);
});

t.test('a point can be committed with its lock, and is never seen without it', async (t) => {
  const { store, repository } = await newRepository(t);
  const { pointId, file, references } = await preparePoint(repository, signer);
  const record = await repository.commitPoint({ pointId, manifest: file, references, lockFor: DAY });
  t.equal(record.lockedUntil, record.receivedAt + DAY);
  await repository[Symbol.asyncDispose]();
  for (const folder of ['points', 'spare/points']) await rm(join(store.location, folder, pointId));
  await using again = await openRepository(store, { holder });
  t.same(await store.list('locks'), [], 'a lock without a point goes at the next opening');
  t.same(again.problems, []);
});

t.test('a point whose lock cannot be read is kept, and the problem is reported', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository.lockPoint(point.id, repository.now() + DAY);
  await repository[Symbol.asyncDispose]();
  const [name] = (await store.list('locks')) as [string];
  const bytes = await readFile(join(store.location, name));
  bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
  await writeFile(join(store.location, name), bytes);
  {
    await using again = await openRepository(store, { holder });
    t.match(again.problems, [{ code: 'lock-damaged', message: new RegExp(name) }]);
    await again.holdPoint(point.id, 'why');
    await again.releasePoint(point.id);
  }
  await using again = await openRepository(store, { holder });
  await t.rejects(again.removePoint(point.id, { reason: '' }), { code: 'lock-damaged' });
});

t.test('a damaged point can be removed like any other', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository[Symbol.asyncDispose]();
  for (const folder of ['points', 'spare/points']) await writeFile(join(store.location, folder, point.id), 'rubbish');
  await using again = await openRepository(store, { holder });
  await again.removePoint(point.id, { reason: 'damaged' });
  t.same([...(await store.list('points')), ...(await store.list('spare/points'))], []);
  t.match(await again.removals(1), [{ pointId: point.id, reason: 'damaged' }]);
});

t.test('of a removal that was cut off after the point was gone, nothing is left at the next opening', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository.holdPoint(point.id, 'why');
  await repository[Symbol.asyncDispose]();
  for (const folder of ['points', 'spare/points']) await rm(join(store.location, folder, point.id));
  await using again = await openRepository(store, { holder });
  t.same(await again.points(), []);
  t.same([...(await store.list('references')), ...(await store.list('locks'))], []);
});

t.test('while the clock is behind the newest time in the repository, that time counts', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository.lockPoint(point.id, repository.now() + 20 * DAY);
  await repository[Symbol.asyncDispose]();
  const realNow = Date.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  Date.now = () => realNow() - 10 * DAY;
  await using again = await openRepository(store, { holder });
  t.match(again.problems, [{ code: 'clock-jumped' }]);
  t.ok(again.now() >= point.receivedAt);
  const late = await commitPoint(again, signer);
  t.ok(late.receivedAt >= point.receivedAt, 'receive times do not go back');
});

t.test('a clock that jumps ahead ends no lock', async (t) => {
  const { repository } = await newRepository(t);
  await using _open = repository;
  const point = await commitPoint(repository, signer);
  await repository.lockPoint(point.id, repository.now() + 20 * DAY);
  const realNow = Date.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  Date.now = () => realNow() + 30 * DAY;
  t.ok(repository.now() < realNow() + DAY);
  t.match(repository.problems, [{ code: 'clock-jumped', message: /jumped ahead/ }]);
  repository.now();
  t.equal(repository.problems.length, 1, 'told once');
});

t.test('a repository with locks that is opened after a long pause says so', async (t) => {
  const { store, repository } = await newRepository(t);
  const point = await commitPoint(repository, signer);
  await repository.lockPoint(point.id, repository.now() + 20 * DAY);
  await repository[Symbol.asyncDispose]();
  const realNow = Date.now;
  t.teardown(() => {
    Date.now = realNow;
  });
  Date.now = () => realNow() + 10 * DAY;
  await using again = await openRepository(store, { holder: randomUUID(), readOnly: true });
  t.match(again.problems, [{ code: 'clock-jumped' }]);
  await t.rejects(again.removePoint(point.id, { reason: '' }), { code: 'opened-read-only' });
  t.same((await readdir(join(store.location, 'points'))).length, 1);
});

t.test(
  'a least lock holds for every point committed after it, survives reopening and is only lengthened',
  async (t) => {
    const { store, repository } = await newRepository(t);
    const before = await commitPoint(repository, signer);
    await repository.lengthenLeastLock(3 * DAY);
    await t.rejects(repository.lengthenLeastLock(3 * DAY - 1), { code: 'lock-refused', message: /3 days, not less/ });
    await t.rejects(repository.lengthenLeastLock(5000 * DAY), { code: 'lock-refused', message: /ten years/ });
    await repository.lengthenLeastLock(3 * DAY);
    await repository[Symbol.asyncDispose]();
    await using again = await openRepository(store, { holder });
    t.equal(again.leastLock, 3 * DAY);
    t.notOk('lockedUntil' in before, 'what was there before is left as it was');
    const point = await commitPoint(again, signer);
    t.equal(point.lockedUntil, point.receivedAt + 3 * DAY);
    for (const [asked, got] of [
      [DAY, 3 * DAY],
      [9 * DAY, 9 * DAY],
    ] as const) {
      const { pointId, file, references } = await preparePoint(again, signer);
      const record = await again.commitPoint({ pointId, manifest: file, references, lockFor: asked });
      t.equal(record.lockedUntil, record.receivedAt + got);
    }
    await t.rejects(again.removePoint(point.id, { reason: '' }), { code: 'point-locked' });
  },
);

t.test('a least lock that cannot be read is reported, and an earlier one still counts', async (t) => {
  const { store, repository } = await newRepository(t);
  await repository.lengthenLeastLock(DAY);
  await repository.lengthenLeastLock(2 * DAY);
  await repository[Symbol.asyncDispose]();
  const file = join(store.location, 'least-locks/00000002');
  const bytes = await readFile(file);
  bytes[20] = (bytes[20] as number) ^ 1;
  await rm(file);
  await writeFile(file, bytes);
  await using again = await openRepository(store, { holder });
  t.equal(again.leastLock, DAY);
  t.match(again.problems, [{ code: 'lock-damaged', message: /least-locks\/00000002/ }]);
});
