import { createPublicKey } from 'node:crypto';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  createTaskKeyPair,
  derivePasswordHash,
  describeDomain,
  openDomain,
  openTaskKeys,
  readTicket,
  verifyTicket,
} from '@sealift/crypto';
import { type JobStart, taskKeysContext } from '@sealift/wire';
import t from 'tap';
import { startDirector } from '../src/index.ts';
import { spawnDirector } from './support/director-process.ts';
import { ScriptedTransporter } from './support/scripted-transporter.ts';
import { clientOf, newJob, newMember, openStage, openTheatre, startRun } from './support/stage.ts';

const PASSWORD = 'correct horse battery staple';

t.test('neither a password nor its hash is anywhere in the data folder or in the log', async (t) => {
  const data = t.testdir();
  await using process = await spawnDirector(data, { logLevel: 'trace' });
  using client = await clientOf(process.director);
  const made = await client.call('createPassword', { body: { name: 'home', password: PASSWORD, description: 'ours' } });
  t.match(made, { name: 'home', description: 'ours', epoch: 1 });
  t.notMatch(JSON.stringify((await client.call('listPasswords', {})).items), PASSWORD);
  await t.rejects(client.call('createPassword', { body: { name: 'home', password: PASSWORD } }), {
    code: 'name-taken',
  });
  await t.rejects(client.call('createPassword', { body: { name: 'x', password: PASSWORD, y: 1 } as never }), {
    code: 'request-invalid',
  });
  await process.kill();
  const files = await Promise.all((await readdir(data)).map((name) => readFile(join(data, name))));
  const stored = Buffer.concat([...files, Buffer.from(process.output())]);
  const database = new DatabaseSync(join(data, 'director.sqlite'));
  const row = database.prepare('SELECT descriptor, wrapped_hash FROM password_epochs').get() as Record<
    string,
    Uint8Array
  >;
  database.close();
  const descriptor = Buffer.from(row.descriptor ?? []);
  const hash = await derivePasswordHash(PASSWORD, descriptor);
  t.equal(openDomain(hash, descriptor).epoch, 1, 'this is the hash that must not be there');
  t.ok(stored.includes(Buffer.from(row.wrapped_hash ?? [])), 'the search finds what is there');
  for (const secret of [hash, hash.toString('hex'), hash.toString('base64'), hash.toString('base64url'), PASSWORD]) {
    t.notOk(stored.includes(secret));
  }
});

t.test('private files are for their owner only, made once, and refused when others may read them', async (t) => {
  await using stage = await openStage();
  const before = await Promise.all(['ca.key', 'ticket.key', 'master.key', 'admin-token'].map(contentOf));
  await stage.restart();
  for (const [name, content, mode] of before) {
    t.equal(mode, 0o600, name);
    t.equal((await contentOf(name))[1], content, name);
  }
  await stage.director.close();
  for (const name of ['ca.key', 'ticket.key', 'admin-token', 'master.key']) {
    await chmod(join(stage.data, name), 0o640);
    const start = startDirector({ data: stage.data, host: '127.0.0.1', port: 0, controlPort: 0, logLevel: 'silent' });
    await t.rejects(start, { code: /-exposed$/, kind: 'refused' }, name);
    await chmod(join(stage.data, name), 0o600);
  }

  async function contentOf(name: string): Promise<[string, string, number]> {
    const file = join(stage.data, name);
    return [name, await readFile(file, 'utf8'), (await stat(file)).mode & 0o777];
  }
});

t.test('the master key may be kept apart from the data folder', async (t) => {
  const folder = t.testdir({ keys: {} });
  const [data, masterKeyFile] = [join(folder, 'data'), join(folder, 'keys', 'master.key')];
  const config = { host: '127.0.0.1', port: 0, controlPort: 0, logLevel: 'silent' } as const;
  await using director = await startDirector({ data, masterKeyFile, ...config });
  t.match(director.url, 'https://');
  t.equal((await stat(masterKeyFile)).mode & 0o777, 0o600);
  t.notOk((await readdir(data)).includes('master.key'));
});

t.test(
  'a source-side backup gets the key of a new run each time, a restore the keys of the runs it names',
  async (t) => {
    await using stage = await openTheatre();
    const { client, source } = stage;
    await client.call('createPassword', { body: { name: 'home', password: PASSWORD } });
    await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
    await startRun(stage, 'photos');
    const backup = await source.task(0);
    const { taskId } = backup;
    const peer = await source.connected();
    const ask = async (id: string, runs?: { runSalt: Buffer; epoch: number }[]) => {
      const pair = createTaskKeyPair();
      const named = runs === undefined ? {} : { runs };
      const { sealed, descriptor } = await peer.call('task.keys', { taskId: id, publicKey: pair.publicKey, ...named });
      const use = runs === undefined ? 'write' : 'read';
      return { ...openTaskKeys(pair, sealed, taskKeysContext(id, use)), descriptor };
    };
    const [first, second] = [await ask(taskId), await ask(taskId)];
    const [written, other] = [first.runs[0], second.runs[0]];
    t.ok(written !== undefined && other !== undefined && !written.key.equals(other.key));
    t.same(describeDomain(first.descriptor).domainId, first.domainId);
    t.ok(first.idKey.equals(second.idKey) && first.cutKey.equals(second.cutKey));
    if (written === undefined) return;
    await t.rejects(
      ask(taskId, [{ runSalt: written.runSalt, epoch: written.epoch }]),
      { code: 'request-invalid' },
      'whoever writes does not get earlier keys',
    );
    await source.finish(backup);
    const refersTo = [{ runSalt: written.runSalt, epoch: written.epoch }];
    stage.target.pointRuns.set(backup.runId, { hash: Buffer.alloc(32, 7), runs: refersTo, missing: 0 });
    await t.rejects(ask(taskId), { code: 'task-unknown' }, 'nothing after the end');

    const body = { transporter: 'laptop', path: '/restored' };
    await client.call('restorePoint', { params: { id: backup.runId }, body });
    const restore = await source.task(1);
    const { runSalt, epoch, commitment } = written;
    const read = await ask(restore.taskId, [{ runSalt, epoch }]);
    t.ok(read.runs[0]?.key.equals(written.key));
    t.same(read.runs[0]?.commitment, commitment);
    await t.rejects(ask(restore.taskId), { code: 'request-invalid' }, 'whoever reads gets no new run');
    await t.rejects(ask(restore.taskId, [{ runSalt, epoch: 7 }]), { code: 'not-permitted' });
  },
);

t.test('an in-flight task has no keys to ask for', async (t) => {
  await using stage = await openTheatre();
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const { taskId } = await stage.source.task(0);
  const peer = await stage.source.connected();
  const { publicKey } = createTaskKeyPair();
  await t.rejects(peer.call('task.keys', { taskId, publicKey }), { code: 'password-mismatch' });
});

t.test('a ticket is bound to both certificates, the repository, the run and what the run may do', async (t) => {
  await using stage = await openTheatre();
  const { source, target, client } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const task = (await source.task(0)) as JobStart;
  const peer = await source.connected();
  const first = await peer.call('task.ticket', { taskId: task.taskId });
  const second = await peer.call('task.ticket', { taskId: task.taskId });
  t.match(first, { url: 'wss://127.0.0.1:7422', targetId: target.id });
  t.not(readTicket(first.ticket).jti, readTicket(second.ticket).jti, 'one for each connection');
  const keys = (await target.greeting()).ticketKeys.map((der) =>
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
  );
  const hashes = { sourceKeyHash: source.keyHash, targetKeyHash: target.keyHash };
  const ticket = verifyTicket(first.ticket, keys, { ...hashes, now: new Date() });
  t.match(ticket, { runId: task.runId, jobId: task.jobId, repositoryId: task.spec.repositoryId, rights: ['append'] });
  const swapped = { sourceKeyHash: target.keyHash, targetKeyHash: source.keyHash, now: new Date() };
  t.throws(() => verifyTicket(first.ticket, keys, swapped), { code: 'ticket-misdirected' });
  const later = new Date(Date.now() + 6 * 60_000);
  t.throws(() => verifyTicket(first.ticket, keys, { ...hashes, now: later }), { code: 'ticket-expired' });

  await source.finish(task);
  await client.call('restorePoint', { params: { id: task.runId }, body: { transporter: 'laptop', path: '/r' } });
  const restore = await source.task(1);
  const reading = await peer.call('task.ticket', { taskId: restore.taskId });
  t.same(readTicket(reading.ticket).rights, ['read']);
});

t.test('a folder of a point is listed by a source that gets a ticket for just that look', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const backup = await source.task(0);
  await source.finish(backup);
  let asked = '';
  const name = Buffer.from([0x68, 0xe9]);
  const entry = { kind: 'file' as const, size: 5, mode: 0o644, uid: 0, gid: 0, mtimeNs: '1700000000123456789' };
  source.handlers['point.entries'] = async ({ taskId, path, cursor }, { peer }) => {
    asked = taskId;
    const { ticket } = await peer.call('task.ticket', { taskId });
    t.same(readTicket(ticket).rights, ['read']);
    t.same(path, Buffer.from('home/ann'));
    if (cursor !== undefined) return { entries: [{ ...entry, path: Buffer.concat([path, Buffer.from('/'), name]) }] };
    return { entries: [{ ...entry, path: Buffer.concat([path, Buffer.from('/a')]) }], next: Buffer.from('a') };
  };
  const found: { path: string; pathBytes?: string }[] = [];
  const input = { params: { id: backup.runId }, query: { path: 'home/ann' } };
  for await (const item of client.list('listEntries', input)) found.push(item);
  t.match(found[0], { ...entry, path: 'home/ann/a' });
  t.same(Buffer.from(found[1]?.pathBytes ?? '', 'base64url'), Buffer.concat([Buffer.from('home/ann/'), name]));
  const peer = await source.connected();
  await t.rejects(peer.call('task.ticket', { taskId: asked }), { code: 'task-unknown' }, 'the look is over');
  await using other = new ScriptedTransporter(await newMember(stage, 'other', 'source'));
  const stranger = await other.connected();
  await t.rejects(stranger.call('task.ticket', { taskId: asked }), { code: 'task-unknown' });
  await source[Symbol.asyncDispose]();
  other.handlers['point.entries'] = () => ({ entries: [] });
  t.same((await client.call('listEntries', input)).items, [], 'another source does it when its own is away');
});
