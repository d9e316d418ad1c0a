import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTaskKeyPair, openTaskKeys, uuidText } from '@sealift/crypto';
import { taskKeysContext } from '@sealift/wire';
import t from 'tap';
import { startDirector } from '../src/index.ts';
import { resultOf, ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, openStage, openTheatre, runWhen, startRun } from './support/stage.ts';

const OLD = 'correct horse battery staple';
const NEW = 'a dozen purple elephants juggle';

async function keysFor(source: ScriptedTransporter, taskId: string, runs?: { runSalt: Buffer; epoch: number }[]) {
  const pair = createTaskKeyPair();
  const peer = await source.connected();
  const { sealed } = await peer.call('task.keys', { taskId, publicKey: pair.publicKey, ...(runs && { runs }) });
  return openTaskKeys(pair, sealed, taskKeysContext(taskId, runs === undefined ? 'write' : 'read'));
}

async function bytesOf(data: string): Promise<Buffer> {
  return Buffer.concat(await Promise.all((await readdir(data)).map((name) => readFile(join(data, name)))));
}

t.test(
  'a point made while its password was replaced after a compromise restores with the key it was made with',
  async (t) => {
    await using stage = await openTheatre();
    const { client, source, target } = stage;
    await client.call('createPassword', { body: { name: 'home', password: OLD } });
    await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
    const { id } = await startRun(stage, 'photos');
    const task = await source.task(0);
    const [own] = (await keysFor(source, id)).runs;
    const made = resultOf(task).point;
    if (own === undefined || made === undefined) throw new Error('no run key');
    const rotated = await client.call('rotatePassword', {
      params: { id: 'home' },
      body: { password: NEW, compromised: true },
    });
    t.same(rotated.leftBehind, []);
    await source.finish(task, { point: { ...made, runSalt: own.runSalt } });
    const runs = [{ runSalt: own.runSalt, epoch: own.epoch }];
    target.pointRuns.set(id, { hash: made.hash, runs, missing: 0 });
    await client.call('restorePoint', { params: { id }, body: { transporter: 'laptop', path: '/r' } });
    const [read] = (await keysFor(source, (await source.task(1)).taskId, runs)).runs;
    t.ok(read?.key.equals(own.key));

    const shown = await client.call('getPassword', { params: { id: 'home' } });
    t.match(shown.leftBehind, [{ job: { name: 'photos' }, points: 1 }], 'it is one that the compromise reaches');
    const kit = await client.call('getRecoveryKit', { params: { id: 'home' } });
    t.match(kit.formerDomains, [{ domainId: uuidText(own.domainId), epoch: 1, points: 1 }]);
    t.match(kit.text, uuidText(own.domainId));
  },
);

t.test('a password given to a waiting run counts no more once another one took its place', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD, keep: 'never' } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  // Away, so that the run waits although its password is there.
  await source[Symbol.asyncDispose]();
  const { id } = await startRun(stage, 'photos');
  await client.call('giveRunPassword', { params: { id }, body: { password: OLD } });
  await client.call('rotatePassword', { params: { id: 'home' }, body: { password: NEW, compromised: true } });
  await using back = new ScriptedTransporter(source.member);
  const asks = await runWhen(stage, id, (run) => run.reason?.includes('password must be given') === true);
  t.equal(asks.state, 'queued');
  t.equal(back.started.length, 0, 'nothing was begun with the old one');
  await client.call('giveRunPassword', { params: { id }, body: { password: NEW } });
  const { domainId } = await keysFor(back, (await back.task(0)).taskId);
  t.equal(uuidText(domainId), (await client.call('getPassword', { params: { id: 'home' } })).domainId);
});

t.test('forgotten while it is being replaced, a password leaves no hash of either', async (t) => {
  await using stage = await openStage();
  const { client, data } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await Promise.allSettled([
    client.call('rotatePassword', { params: { id: 'home' }, body: { password: NEW } }),
    client.call('forgetPassword', { params: { id: 'home' } }),
  ]);
  t.match(await client.call('getPassword', { params: { id: 'home' } }), { keep: 'never', kms: undefined });
  await stage.director.close();
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const kept = database.prepare('SELECT count(*) AS n FROM password_epochs WHERE wrapped_hash IS NOT NULL').get();
  database.close();
  t.match(kept, { n: 0 });
  await stage.restart();
});

t.test('with the key that wrapped the hash lost, a run asks for its password and takes it', async (t) => {
  await using stage = await openTheatre();
  const { client, source, data } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  await rename(join(data, 'master.key'), join(data, 'master.key.lost'));
  await stage.restart();
  const { id } = await startRun(stage, 'photos');
  await runWhen(stage, id, (run) => run.reason?.includes('password must be given') === true);
  await client.call('giveRunPassword', { params: { id }, body: { password: OLD } });
  t.equal((await keysFor(source, (await source.task(0)).taskId)).runs.length, 1);
});

t.test('wrapped anew, a hash leaves nothing of its old wrap in any file', async (t) => {
  const folder = t.testdir({});
  const [first, second] = [`file:${join(folder, 'first.key')}`, `file:${join(folder, 'second.key')}`];
  await using stage = await openStage({ kms: first });
  const { client, data } = stage;
  const made = await client.call('createPassword', { body: { name: 'home', password: OLD } });
  t.match(made, { kms: { provider: 'master-key', inPoints: true } }, 'a key file that was named is in points too');
  await stage.director.close();
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const row = database.prepare('SELECT wrapped_hash FROM password_epochs').get() as { wrapped_hash: Uint8Array };
  // As the first version left it: without the key by which it was wrapped.
  database.exec(`UPDATE password_epochs SET key_ref = ''`);
  database.close();
  const wrapped = Buffer.from(row.wrapped_hash);
  await stage.restart({ kms: second, previousKms: [first] });
  const rotated = await client.call('rotatePassword', { params: { id: 'home' }, body: { password: NEW } });
  t.equal(rotated.epoch, 2, 'a row of the first version opens with the key that was in use then');
  t.ok((await bytesOf(data)).includes(wrapped), 'the search finds what is there');
  t.match(await client.call('rewrapKeys', {}), { wrapped: { current: 2, other: 0 } });
  t.notOk((await bytesOf(data)).includes(wrapped));
  await stage.restart({ kms: second, previousKms: [] });
  t.equal((await client.call('rotatePassword', { params: { id: 'home' }, body: { password: OLD } })).epoch, 3);
});

t.test('a key that was taken out while hashes need it, and a service that is away, are alarms', async (t) => {
  const folder = t.testdir({});
  const [first, second] = [`file:${join(folder, 'first.key')}`, `file:${join(folder, 'second.key')}`];
  const stage = await openStage({ kms: first });
  const { client, data } = stage;
  await client.call('createPassword', { body: { name: 'home', password: OLD } });
  await stage.restart({ kms: second });
  await stage.director.close();
  const vault = `vault:https://127.0.0.1:9/transit/keys/sealift?token-file=${join(folder, 'second.key')}`;
  const down = await startDirector({
    data,
    host: '127.0.0.1',
    port: 0,
    controlPort: 0,
    logLevel: 'silent',
    kms: vault,
  });
  await down.close();
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const alarms = database.prepare('SELECT code FROM alarms ORDER BY number').all() as { code: string }[];
  database.close();
  t.same(new Set(alarms.map(({ code }) => code)), new Set(['kms-key-unknown', 'kms-down']));
  await stage.restart({ kms: first });
  await stage[Symbol.asyncDispose]();
});
