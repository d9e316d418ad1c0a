import { randomBytes } from 'node:crypto';
import {
  CHUNK_TYPE,
  chunkKey,
  createTaskKeyPair,
  openChunkKey,
  openPointKeys,
  openTaskKeys,
  runsDigest,
} from '@sealift/crypto';
import { type Alarm, taskKeysContext } from '@sealift/wire';
import t from 'tap';
import { resultOf, ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, newMember, openTheatre, startRun, type Theatre } from './support/stage.ts';

const PASSWORD = 'correct horse battery staple';
const HASH = Buffer.alloc(32, 7);

interface Run {
  runSalt: Buffer;
  epoch: number;
}

function named({ runSalt, epoch }: Run): Run {
  return { runSalt, epoch };
}

async function openVault(): Promise<Theatre> {
  const stage = await openTheatre();
  await stage.client.call('createPassword', { body: { name: 'home', password: PASSWORD } });
  await newJob(stage, 'photos', { encryption: 'source-side', password: 'home' });
  return stage;
}

async function runKeys(source: ScriptedTransporter, taskId: string, runs?: Run[]) {
  const pair = createTaskKeyPair();
  const peer = await source.connected();
  const asked = { taskId, publicKey: pair.publicKey, ...(runs === undefined ? {} : { runs: runs.map(named) }) };
  const { sealed } = await peer.call('task.keys', asked);
  return openTaskKeys(pair, sealed, taskKeysContext(taskId, runs === undefined ? 'write' : 'read')).runs;
}

/** A backup whose source tells `lie` of its runs, and whose target knows that it refers to `refersTo` and its own. */
async function backUp(stage: Theatre, o: { refersTo?: Run[]; lie?: (own: Run) => Run[]; missing?: number } = {}) {
  const { source, target } = stage;
  const { id } = await startRun(stage, 'photos');
  await source.until(() => source.started.some(({ taskId }) => taskId === id));
  const task = source.started.find(({ taskId }) => taskId === id);
  const [own] = await runKeys(source, id);
  const made = task && resultOf(task).point;
  if (own === undefined || task === undefined || made === undefined) throw new Error('no backup');
  target.pointRuns.set(id, { hash: HASH, runs: [own, ...(o.refersTo ?? [])].map(named), missing: o.missing ?? 0 });
  const told = o.lie === undefined ? {} : { runsHash: runsDigest(o.lie(own)) };
  await source.finish(task, { point: { ...made, runSalt: own.runSalt, ...told } });
  return { id, own };
}

/** A restore of the point to the source that made it, which is what its thief waits for. */
async function restoreTask({ client, source }: Theatre, point: string): Promise<string> {
  const { id } = await client.call('restorePoint', {
    params: { id: point },
    body: { transporter: 'laptop', path: '/r' },
  });
  await source.until(() => source.started.some(({ taskId }) => taskId === id));
  return id;
}

async function alarms({ client }: Theatre, during: () => Promise<unknown>): Promise<Alarm> {
  const stop = new AbortController();
  const events = client.events(stop.signal);
  const first = events.next();
  await during();
  for (let next = await first; !next.done; next = await events.next()) {
    if (next.value.type !== 'alarm') continue;
    stop.abort();
    return next.value.data;
  }
  throw new Error('the events have ended');
}

t.test(
  'a stolen source gets no key of an earlier run by listing it in a point, whatever digest it reports',
  async (t) => {
    await using stage = await openVault();
    const earlier = await backUp(stage);
    for (const lie of [undefined, (own: Run) => [own, earlier.own]]) {
      const { id, own } = await backUp(stage, lie === undefined ? {} : { lie });
      const taskId = await restoreTask(stage, id);
      const told = await alarms(stage, async () => {
        const asked = runKeys(stage.source, taskId, [own, earlier.own]);
        await t.rejects(asked, { code: 'not-permitted' }, `digest reported: ${lie !== undefined}`);
      });
      t.match(told, { code: 'point-runs-differ', point: id, job: { name: 'photos' } });
    }
  },
);

t.test('a restore gets the keys of the runs that the target finds the point to refer to', async (t) => {
  await using stage = await openVault();
  const earlier = await backUp(stage);
  const { id, own } = await backUp(stage, { refersTo: [earlier.own], lie: (made) => [made, earlier.own] });
  const taskId = await restoreTask(stage, id);
  t.same((await runKeys(stage.source, taskId, [own, earlier.own])).map(({ commitment }) => commitment).length, 2);
  stage.target.pointRuns.clear();
  t.equal((await runKeys(stage.source, taskId, [own, earlier.own])).length, 2, 'the target was asked once');
});

t.test('lost chunks take the keys of their runs with them, and no others', async (t) => {
  await using stage = await openVault();
  const lost = await backUp(stage);
  const { id, own } = await backUp(stage, { missing: 3, lie: (made) => [made, lost.own] });
  const keys = await runKeys(stage.source, await restoreTask(stage, id), [own, lost.own]);
  t.same(
    keys.map(({ runSalt }) => runSalt),
    [own.runSalt],
  );
});

t.test('a target that shows another point than was recorded has no keys given out', async (t) => {
  await using stage = await openVault();
  const { id, own } = await backUp(stage);
  stage.target.pointRuns.set(id, { hash: randomBytes(32), runs: [named(own)], missing: 0 });
  await t.rejects(runKeys(stage.source, await restoreTask(stage, id), [own]), { code: 'not-permitted' });
});

t.test('a key drill opens single chunks of its point, and gets the key of no run', async (t) => {
  await using stage = await openVault();
  const { client, source } = stage;
  const earlier = await backUp(stage);
  const { id, own } = await backUp(stage);
  await using other = new ScriptedTransporter(await newMember(stage, 'other', 'source'));
  const stranger = await other.connected();
  const pair = createTaskKeyPair();
  const { publicKey } = pair;
  const chunk = { ...named(own), type: CHUNK_TYPE.data as number, id: randomBytes(32), random: randomBytes(16) };
  source.handlers['point.sample'] = async ({ taskId }, { peer }) => {
    const refuse = async (asked: Promise<unknown>, what: string) => t.rejects(asked, { code: 'not-permitted' }, what);
    await refuse(runKeys(source, taskId, [own]), 'the key of a run');
    await refuse(peer.call('chunk.key', { taskId, publicKey, chunk }), 'a chunk before the point was checked');
    const runs = [named(own), named(earlier.own)];
    await refuse(peer.call('point.keys', { taskId, publicKey, runs }), 'a run that it does not refer to');
    await refuse(peer.call('point.keys', { taskId, publicKey, runs: [named(earlier.own)] }), 'another maker');
    const { sealed } = await peer.call('point.keys', { taskId, publicKey, runs: [named(own)] });
    const shown = openPointKeys(pair, sealed, taskKeysContext(taskId, 'read'));
    t.same(shown.commitments, [own.commitment]);
    await refuse(peer.call('chunk.key', { taskId, publicKey, chunk: { ...chunk, ...named(earlier.own) } }), 'of it');
    const stolen = stranger.call('chunk.key', { taskId, publicKey, chunk });
    await t.rejects(stolen, { code: 'task-unknown' }, 'another source');
    const answer = await peer.call('chunk.key', { taskId, publicKey, chunk });
    const key = openChunkKey(pair, answer.sealed, taskKeysContext(taskId, 'read'));
    t.ok(key.equals(chunkKey(own, { ...chunk, type: CHUNK_TYPE.data })), 'of this chunk');
    for (let given = 1; given < 256; given++) await peer.call('chunk.key', { taskId, publicKey, chunk });
    await refuse(peer.call('chunk.key', { taskId, publicKey, chunk }), 'more chunks than a drill needs');
    return { files: 1, chunks: 1, bytes: 1 };
  };
  const { items } = await client.call('drillJob', { params: { id: 'photos' }, body: {} });
  t.match(items, [{ point: id, way: 'hash', passed: true }]);
});

t.test('a listing opens pages of the tree and no contents', async (t) => {
  await using stage = await openVault();
  const { client, source } = stage;
  const { id, own } = await backUp(stage);
  const pair = createTaskKeyPair();
  source.handlers['point.entries'] = async ({ taskId }, { peer }) => {
    const { publicKey } = pair;
    await t.rejects(runKeys(source, taskId, [own]), { code: 'not-permitted' });
    await peer.call('point.keys', { taskId, publicKey, runs: [named(own)] });
    const chunk = { ...named(own), id: randomBytes(32), random: randomBytes(16) };
    await peer.call('chunk.key', { taskId, publicKey, chunk: { ...chunk, type: CHUNK_TYPE.tree } });
    for (const type of [CHUNK_TYPE.data, CHUNK_TYPE.bundle]) {
      const asked = peer.call('chunk.key', { taskId, publicKey, chunk: { ...chunk, type } });
      await t.rejects(asked, { code: 'not-permitted' });
    }
    return { entries: [] };
  };
  t.same((await client.call('listEntries', { params: { id } })).items, []);
});
