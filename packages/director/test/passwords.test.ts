import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  createTaskKeyPair,
  derivePasswordHash,
  describeDomain,
  openDomain,
  openTaskKeys,
  runsDigest,
} from '@sealift/crypto';
import { taskKeysContext } from '@sealift/wire';
import t from 'tap';
import { resultOf, type ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, openStage, openTheatre, runWhen, startRun, type Theatre } from './support/stage.ts';

const OLD = 'correct horse battery staple';
const NEW = 'a dozen purple elephants juggle';

async function ask(source: ScriptedTransporter, taskId: string, runs?: { runSalt: Buffer; epoch: number }[]) {
  const pair = createTaskKeyPair();
  const named = runs === undefined ? {} : { runs: runs.map(({ runSalt, epoch }) => ({ runSalt, epoch })) };
  const peer = await source.connected();
  const { sealed, descriptor } = await peer.call('task.keys', { taskId, publicKey: pair.publicKey, ...named });
  return { ...openTaskKeys(pair, sealed, taskKeysContext(taskId, runs === undefined ? 'write' : 'read')), descriptor };
}

/** One source-side backup: its point and the run it was sealed in. */
async function backUp(stage: Theatre, number: number) {
  const { source } = stage;
  await startRun(stage, 'photos');
  const task = await source.task(number);
  const keys = await ask(source, task.taskId);
  const run = keys.runs[0];
  if (run === undefined) throw new Error('no run key');
  const made = resultOf(task).point;
  const { runSalt, epoch } = run;
  stage.target.pointRuns.set(task.runId, { hash: Buffer.alloc(32, 7), runs: [{ runSalt, epoch }], missing: 0 });
  await source.finish(task, { ...(made === undefined ? {} : { point: { ...made, runsHash: runsDigest([run]) } }) });
  return { pointId: task.runId, run, keys };
}

async function bytesOf(data: string): Promise<Buffer> {
  return Buffer.concat(await Promise.all((await readdir(data)).map((name) => readFile(join(data, name)))));
}

t.test('a weak password is refused with the reason, and taken when insisted on', async (t) => {
  await using stage = await openStage();
  const body = { name: 'home', password: 'password1' };
  await t.rejects(stage.client.call('createPassword', { body }), { code: 'password-weak', message: /guesses/ });
  const made = await stage.client.call('createPassword', { body: { ...body, acceptWeak: true } });
  t.ok((made.strength?.score ?? 4) < 3);
  const strong = await stage.client.call('createPassword', { body: { name: 'work', password: NEW } });
  t.equal(strong.strength?.score, 4);
});

t.test('after a rotation the new password opens older points, and a former one is known as that', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  const first = await backUp(stage, 0);
  const rotated = await client.call('rotatePassword', { params: { id: 'home' }, body: { password: NEW } });
  t.match(rotated, { epoch: 2, epochs: 2 });
  const second = await backUp(stage, 1);
  t.equal(second.run.epoch, 2);
  t.ok(second.keys.idKey.equals(first.keys.idKey), 'deduplication goes on');
  t.ok(openDomain(await derivePasswordHash(NEW, second.keys.descriptor), second.keys.descriptor));

  const body = { transporter: 'laptop', path: '/restored' };
  await client.call('restorePoint', { params: { id: first.pointId }, body });
  const restore = await source.task(2);
  const read = await ask(source, restore.taskId, [first.run]);
  t.ok(read.runs[0]?.key.equals(first.run.key), 'the key of a run of the former password');
  await t.rejects(ask(source, restore.taskId, [second.run]), { code: 'not-permitted' }, 'no key of another point');
  await t.rejects(ask(source, restore.taskId, [{ runSalt: randomBytes(32), epoch: 1 }]), { code: 'not-permitted' });

  const check = (password: string) => client.call('checkPassword', { params: { id: 'home' }, body: { password } });
  t.match(await check(NEW), { matches: true, current: true, epoch: 2 });
  t.match(await check(OLD), { matches: true, current: false, epoch: 1 });
  t.same(await check('something else entirely'), { matches: false });
});

t.test(
  'after a compromise nothing leads from the old password to the new one, and old points still open',
  async (t) => {
    await using stage = await openTheatre();
    const { client, source } = stage;
    await client.call('createPassword', { body: { name: 'home', password: OLD } });
    await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
    const first = await backUp(stage, 0);
    await client.call('rotatePassword', { params: { id: 'home' }, body: { password: NEW, compromised: true } });
    const second = await backUp(stage, 1);
    t.notOk(second.keys.domainId.equals(first.keys.domainId));
    t.notOk(second.keys.idKey.equals(first.keys.idKey));
    t.same(describeDomain(second.keys.descriptor).previous, []);
    await client.call('restorePoint', { params: { id: first.pointId }, body: { transporter: 'laptop', path: '/r' } });
    const read = await ask(source, (await source.task(2)).taskId, [first.run]);
    t.ok(read.runs[0]?.key.equals(first.run.key));
  },
);

t.test('a forgotten hash is in no file any more, and the password is asked for from then on', async (t) => {
  await using stage = await openTheatre();
  const { client, data, source } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  const first = await backUp(stage, 0);
  await stage.director.close();
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const row = database.prepare('SELECT wrapped_hash FROM password_epochs').get() as { wrapped_hash: Uint8Array };
  database.close();
  const wrapped = Buffer.from(row.wrapped_hash);
  t.ok((await bytesOf(data)).includes(wrapped), 'the search finds what is there');
  await stage.restart();
  const forgotten = await client.call('forgetPassword', { params: { id: 'home' } });
  t.match(forgotten, { keep: 'never', kms: undefined });
  t.notOk((await bytesOf(data)).includes(wrapped), 'nor in the log of the database');

  const { id } = await client.call('startRun', { params: { id: 'photos' } });
  const waiting = await runWhen(stage, id, (run) => run.reason?.includes('password') === true);
  t.equal(waiting.state, 'queued');
  const give = (password: string) => client.call('giveRunPassword', { params: { id }, body: { password } });
  await t.rejects(give('not this one at all'), { code: 'wrong-password' });
  await give(OLD);
  const task = await source.task(1);
  t.ok((await ask(source, task.taskId)).idKey.equals(first.keys.idKey));
  await source.finish(task);
  await runWhen(stage, id, (run) => run.state === 'done');

  const restore = { transporter: 'laptop', path: '/restored' };
  const { id: again } = await client.call('restorePoint', { params: { id: first.pointId }, body: restore });
  await runWhen(stage, again, (run) => run.reason?.includes('password') === true);
  await stage.restart();
  t.equal((await client.call('getRun', { params: { id: again } })).state, 'queued', 'it goes on waiting');
  await client.call('giveRunPassword', { params: { id: again }, body: { password: OLD } });
  const reading = await source.task(2);
  t.ok((await ask(source, reading.taskId, [first.run])).runs[0]?.key.equals(first.run.key));
});

t.test('a password that is never kept leaves no hash at all', async (t) => {
  await using stage = await openTheatre();
  const { client, data } = stage;
  const made = await client.call('createPassword', { body: { name: 'home', password: OLD, keep: 'never' } });
  t.match(made, { keep: 'never', kms: undefined });
  await stage.director.close();
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const row = database.prepare('SELECT descriptor, wrapped_hash FROM password_epochs').get() as Record<
    string,
    Uint8Array
  >;
  database.close();
  t.equal(row.wrapped_hash, null);
  const hash = await derivePasswordHash(OLD, Buffer.from(row.descriptor ?? []));
  t.notOk((await bytesOf(data)).includes(hash));
  await stage.restart();
  const rotate = { password: NEW };
  await t.rejects(client.call('rotatePassword', { params: { id: 'home' }, body: rotate }), { code: 'password-needed' });
  const body = { ...rotate, current: 'wrong one, certainly' };
  await t.rejects(client.call('rotatePassword', { params: { id: 'home' }, body }), { code: 'wrong-password' });
  const rotated = await client.call('rotatePassword', { params: { id: 'home' }, body: { ...rotate, current: OLD } });
  t.match(rotated, { epoch: 2, keep: 'never', kms: undefined });
});

t.test('a recovery kit names what it opens and how, and not the password', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  const kit = await client.call('getRecoveryKit', { params: { id: 'home' } });
  t.match(kit.text, 'sealift recover --repository /backups --point latest --to /restored');
  t.match(kit, {
    jobs: [{ name: 'photos' }],
    repositories: [{ name: 'store', transporter: 'vault', path: '/backups' }],
  });
  t.ok(
    openDomain(
      await derivePasswordHash(OLD, Buffer.from(kit.descriptor, 'base64')),
      Buffer.from(kit.descriptor, 'base64'),
    ),
  );
  t.notOk(kit.text.includes(OLD));
  t.ok(kit.text.replace(/\s/g, '').includes(kit.descriptor));
});

t.test(
  'another master key takes over: what the old one has wrapped is wrapped anew, and the old one can go',
  async (t) => {
    const folder = t.testdir({});
    const [first, second] = [`file:${join(folder, 'first.key')}`, `file:${join(folder, 'second.key')}`];
    await using stage = await openStage({ kms: first });
    const { client } = stage;
    for (const name of ['a', 'b', 'c']) await client.call('createPassword', { body: { name, password: OLD } });
    const before = await client.call('getKms', {});
    t.match(before, { provider: 'master-key', state: 'ready', wrapped: { current: 3, other: 0 } });
    await stage.restart({ kms: second, previousKms: [first] });
    t.match(await client.call('getKms', {}), { wrapped: { current: 0, other: 3 } });
    const after = await client.call('rewrapKeys', {});
    t.match(after, { wrapped: { current: 3, other: 0 } });
    t.not(after.keyRef, before.keyRef);
    await stage.restart({ kms: second, previousKms: [] });
    const rotated = await client.call('rotatePassword', { params: { id: 'a' }, body: { password: NEW } });
    t.equal(rotated.epoch, 2, 'its hash was unwrapped by the new key alone');
    await stage.restart({ kms: first });
    const lost = client.call('rotatePassword', { params: { id: 'b' }, body: { password: NEW } });
    await t.rejects(lost, { code: 'kms-key-unknown' }, 'the old key alone opens nothing');
  },
);
