import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '@sealift/core';
import t from 'tap';
import { KeyedTarget } from './support/keyed-target.ts';
import { ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, newMember, openStage, runWhen, type Stage, startRun } from './support/stage.ts';

const PASSWORD = 'seven grey herons at low tide';

async function newTarget(stage: Stage, name: string) {
  const keyed = new KeyedTarget();
  const target = new ScriptedTransporter(await newMember(stage, name, 'target'), { handlers: keyed.handlers() });
  await target.connected();
  return { keyed, target, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
}

async function openVault() {
  const stage = await openStage();
  const source = new ScriptedTransporter(await newMember(stage, 'laptop', 'source'));
  const vault = await newTarget(stage, 'vault');
  await source.connected();
  const made = await stage.client.call('createRepository', {
    body: { name: 'store', transporter: 'vault', path: '/store', encryption: { kind: 'kms' } },
  });
  const close = async () => {
    await source[Symbol.asyncDispose]();
    await vault[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  };
  return { stage, source, vault, made, [Symbol.asyncDispose]: close };
}

/** Of a Director that was closed. */
function inDatabase<T>({ data }: Stage, work: (database: DatabaseSync) => T): T {
  using database = new DatabaseSync(join(data, 'director.sqlite'));
  return work(database);
}

function recordsOf(stage: Stage, table: 'key_slots' | 'repository_keys') {
  return inDatabase(stage, (database) => database.prepare(`SELECT * FROM ${table}`).all());
}

function failed(code: string) {
  return { code };
}

t.test('a target that shows the slot of another repository as its own is not given the key of it', async (t) => {
  await using scene = await openVault();
  const { stage, vault, made } = scene;
  const { client } = stage;
  await using thief = await newTarget(stage, 'thief');
  const own = await client.call('createRepository', {
    body: { name: 'loot', transporter: 'thief', path: '/loot', encryption: { kind: 'kms' } },
  });
  const plain = await client.call('createRepository', { body: { name: 'bare', transporter: 'thief', path: '/bare' } });
  const { slots } = vault.keyed.held(made.id);
  for (const { id } of [own, plain]) thief.keyed.repositories.set(id, { locked: true, slots, keys: new Map() });
  for (const id of ['loot', 'bare']) {
    await t.rejects(client.call('unlockRepository', { params: { id }, body: {} }), failed('repository-key-missing'));
    await t.rejects(
      client.call('unlockRepository', { params: { id }, body: { key: randomBytes(32).toString('base64') } }),
      failed('repository-key-missing'),
    );
  }
  t.same(thief.keyed.unlocked, [], 'no key went out');
  vault.keyed.lock();
  t.match(await client.call('unlockRepository', { params: { id: 'store' }, body: {} }), {
    encryption: { locked: false },
  });
});

t.test('slots that were not written down by an earlier version are, when their target tells of them', async (t) => {
  await using scene = await openVault();
  const { stage, vault, made } = scene;
  await stage.director.close();
  inDatabase(stage, (database) => database.exec('DELETE FROM key_slots'));
  vault.keyed.lock();
  await stage.restart();
  for (;;) {
    const { encryption } = await stage.client.call('getRepository', { params: { id: made.id } });
    if (encryption?.locked === false) break;
  }
  await stage.director.close();
  t.match(recordsOf(stage, 'key_slots'), [{ repository_id: made.id, kind: 'kms' }]);
});

t.test('an answer for another repository is not believed', async (t) => {
  await using scene = await openVault();
  const { stage, vault, made } = scene;
  const other = await stage.client.call('createRepository', {
    body: { name: 'other', transporter: 'vault', path: '/other', encryption: { kind: 'kms' } },
  });
  vault.target.handlers['repository.stats'] = () => ({ ...vault.keyed.state(other.id) });
  vault.keyed.lock();
  const shown = await stage.client.call('getRepository', { params: { id: made.id } });
  t.equal(shown.encryption?.locked, false, 'what was told before stands');
});

t.test('a run that waits for a locked repository goes on by itself when what failed has passed', async (t) => {
  await using scene = await openVault();
  const { stage, source, vault } = scene;
  await newJob(stage, 'photos');
  vault.keyed.outage = new Failure('kms-away', 'retry', 'the service does not answer');
  vault.keyed.lock();
  await vault.target.cut();
  const { id } = await startRun(stage, 'photos');
  await runWhen(stage, id, ({ reason }) => reason?.includes('the service does not answer') === true);
  vault.keyed.outage = undefined;
  t.equal((await source.task(0)).taskId, id);
});

t.test('a repository that its target has unlocked by itself is noticed by the run that waits for it', async (t) => {
  await using scene = await openVault();
  const { stage, source, vault, made } = scene;
  await newJob(stage, 'photos');
  vault.keyed.outage = new Failure('kms-away', 'retry', 'the service does not answer');
  vault.keyed.lock();
  await vault.target.cut();
  const { id } = await startRun(stage, 'photos');
  await runWhen(stage, id, ({ reason }) => reason?.includes('is locked') === true);
  vault.keyed.held(made.id).locked = false;
  t.equal((await source.task(0)).taskId, id);
});

t.test('a rewrap names the slots of absent targets, after it has rewrapped all others', async (t) => {
  await using scene = await openVault();
  const { stage, vault, made } = scene;
  await using away = await newTarget(stage, 'away');
  await stage.client.call('createRepository', {
    body: { name: 'afar', transporter: 'away', path: '/afar', encryption: { kind: 'kms' } },
  });
  const old = join(stage.data, 'master.key');
  const next = join(stage.data, 'next.key');
  await writeFile(next, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  await away.target[Symbol.asyncDispose]();
  await stage.restart({ kms: `file:${next}`, previousKms: [`file:${old}`] });
  await vault.target.connected();
  const before = await stage.client.call('getKms', {});
  t.equal(before.wrapped.other, 2);
  for (;;) {
    const { encryption } = await stage.client.call('getRepository', { params: { id: made.id } });
    if (encryption?.locked === false) break;
  }
  const left = await stage.client.call('rewrapKeys', {}).then(
    () => undefined,
    (thrown: Failure) => thrown,
  );
  t.match(left, { code: 'repository-closed', message: /afar/ });
  t.notMatch(left?.message, /store/);
  t.equal((await stage.client.call('getKms', {})).wrapped.other, 1, 'the other one is done');
});

t.test('an answer to a creation that is not what was asked for is refused', async (t) => {
  await using scene = await openVault();
  const { stage, vault } = scene;
  const { client } = stage;
  const create = (name: string, encryption?: { kind: 'password'; password: string }) =>
    client.call('createRepository', {
      body: { name, transporter: 'vault', path: `/${name}`, ...(encryption === undefined ? {} : { encryption }) },
    });
  const honest = (params: Parameters<KeyedTarget['create']>[0]) => vault.keyed.create(params);
  const encryption = { kind: 'password', password: PASSWORD } as const;
  vault.target.handlers['repository.create'] = ({ encryption: _, ...params }) => honest(params);
  await t.rejects(create('unsealed', encryption), { code: 'repository-conflict', message: /\/unsealed/ });
  const [held] = vault.keyed.repositories.values();
  vault.target.handlers['repository.create'] = (params) => {
    const made = honest(params);
    return { ...made, keys: { locked: false, epoch: 1, earlier: [], slots: held?.slots ?? [] } };
  };
  await t.rejects(create('sealed'), { code: 'repository-conflict', message: /none such was asked for/ });
  await t.rejects(create('foreign', encryption), { code: 'repository-conflict', message: /with other keys/ });
  const listed = await client.call('listRepositories', { query: {} });
  t.same(
    listed.items.map(({ name }) => name),
    ['store'],
    'none of them is recorded',
  );
});

t.test(
  'a creation repeated with its key asks for the same slot, and does not keep a key that opens nothing',
  async (t) => {
    await using scene = await openVault();
    const { stage, vault } = scene;
    const asked: string[] = [];
    let first: ReturnType<KeyedTarget['create']> | undefined;
    vault.target.handlers['repository.create'] = (params) => {
      asked.push(params.encryption?.slot.slotId ?? '');
      if (first !== undefined) return first;
      first = vault.keyed.create(params);
      throw new Failure('disconnected', 'retry', 'the answer is lost');
    };
    const body = {
      name: 'again',
      transporter: 'vault',
      path: '/again',
      encryption: { kind: 'password' as const, password: PASSWORD },
    };
    const create = () => stage.client.call('createRepository', { body }, undefined, { idempotencyKey: 'one-creation' });
    await t.rejects(create(), failed('disconnected'));
    await t.rejects(create(), { code: 'repository-conflict', message: /an earlier attempt/ });
    t.equal(asked.length, 2);
    t.equal(asked[0], asked[1]);
  },
);

t.test('of several failures to unlock, a damaged key table is told before a wrong password', async (t) => {
  await using scene = await openVault();
  const { stage, vault } = scene;
  const { client } = stage;
  const params = { id: 'store' };
  for (const label of ['one', 'two']) {
    await client.call('addRepositoryKey', {
      params,
      body: { kind: 'password', password: `${PASSWORD} ${label}`, label },
    });
  }
  vault.keyed.lock();
  let asked = 0;
  vault.target.handlers['repository.unlock'] = () => {
    if (asked++ === 0) throw new Failure('key-table-damaged', 'corrupt', 'the MAC does not hold');
    throw new Failure('wrong-repository-key', 'refused', 'not this key');
  };
  await t.rejects(
    client.call('unlockRepository', { params, body: { password: 'another one' } }),
    failed('key-table-damaged'),
  );
  t.equal(asked, 2);
});

t.test('a key whose slot was made though the answer was lost is kept; one that was refused is not', async (t) => {
  await using scene = await openVault();
  const { stage, vault, made } = scene;
  const { client } = stage;
  const params = { id: 'store' };
  const add = (label: string) =>
    client.call('addRepositoryKey', { params, body: { kind: 'password', password: PASSWORD, label } });
  const usual = vault.keyed.handlers()['repository.add-slot'];
  vault.target.handlers['repository.add-slot'] = async (asked, call) => {
    await usual?.(asked, call);
    throw new Failure('disconnected', 'retry', 'the answer is lost');
  };
  await t.rejects(add('stands'), failed('disconnected'));
  vault.target.handlers['repository.add-slot'] = () => {
    throw new Failure('key-slot-exists', 'refused', 'no more slots');
  };
  await t.rejects(add('refused'), failed('key-slot-exists'));
  const shown = await client.call('getRepository', { params: { id: made.id } });
  t.match(shown.encryption?.slots, [{ kind: 'kms' }, { label: 'stands', kept: true }]);
  await stage.director.close();
  t.equal(recordsOf(stage, 'repository_keys').length, 1);
  t.equal(recordsOf(stage, 'key_slots').length, 2);
});
