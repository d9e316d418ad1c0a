import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  type Authority,
  certificateDer,
  createAuthority,
  createDomain,
  createKeyAndRequest,
  readTicket,
  uuidBytes,
} from '@sealift/crypto';
import type { Alarm, ControlHandlers, DescribedPoint, NumberedEvent, PointReport } from '@sealift/wire';
import t from 'tap';
import { STATS } from './support/scripted-transporter.ts';
import { openTheatre, type Theatre } from './support/stage.ts';

const PASSWORD = 'correct horse battery staple';
const KDF = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 1 } as const;

const old = await createAuthority();
const sourceId = randomUUID();
const certificate = await certified(old, sourceId);

async function certified(authority: Authority, id: string, role = 'source'): Promise<Buffer> {
  const { request } = await createKeyAndRequest();
  return certificateDer(await authority.issueTransporter(request, id, role));
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest();
}

/** A chain of in-flight points as an honest target would describe it, ordered by id. */
function chain(repositoryId: string, length: number): DescribedPoint[] {
  const jobId = randomUUID();
  const ids = Array.from({ length }, (_, at) => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`);
  const zone = uuidBytes(repositoryId);
  return ids.map((id, at) => ({
    ...{ id, jobId, sourceId, sequence: at + 1, hash: hashOf(id), mode: 'in-flight', zone, certificate },
    ...(at === 0 ? {} : { previous: hashOf(ids[at - 1] as string) }),
    createdAt: Date.now(),
  }));
}

/** What a target that has this repository answers. `calls` counts the pages it was asked for. */
function target(repositoryId: string, points: DescribedPoint[], authorities: Buffer[], calls: string[] = []) {
  const handlers: ControlHandlers = {
    'repository.adopt': () => ({ repositoryId, stats: STATS, authorities }),
    'repository.points': ({ after = '', limit }) => {
      calls.push('points');
      const following = points.filter(({ id }) => id > after);
      const page = following.slice(0, limit).map(({ id, jobId, sequence, hash, previous }) => {
        return { id, jobId, sequence, hash, ...(previous === undefined ? {} : { previous }) };
      });
      const last = page.at(-1)?.id;
      return { points: page, ...(following.length > limit && last !== undefined ? { next: last } : {}) };
    },
    'repository.describe': ({ pointIds }) => {
      calls.push('describe');
      const byId = new Map(points.map((point) => [point.id, point]));
      return { points: pointIds.map((id): PointReport => ({ point: byId.get(id) as DescribedPoint })) };
    },
  };
  return handlers;
}

const REQUEST = { body: { name: 'old', transporter: 'vault', path: '/old' } };

/** Takes over what a stub of a target describes. */
async function adopt(stage: Theatre, handlers: ControlHandlers, more: object = {}) {
  Object.assign(stage.target.handlers, handlers);
  return await stage.client.call('adoptRepository', { body: { ...REQUEST.body, ...more } });
}

t.test('a repository of 10,000 points is taken over and compared in pages, each point once', async (t) => {
  await using stage = await openTheatre();
  const repositoryId = randomUUID();
  const points = chain(repositoryId, 10_000);
  const calls: string[] = [];
  const authorities = [certificateDer(old.certificate)];
  const adopted = await adopt(stage, target(repositoryId, points, authorities, calls));
  t.match(adopted, { added: 10_000, known: 0, refused: 0 });
  t.match(adopted.jobs, [{ points: 10_000, missing: 0, source: sourceId }]);
  t.same([count(calls, 'points'), count(calls, 'describe')], [10, 100]);
  calls.length = 0;
  const again = await adopt(stage, target(repositoryId, points, authorities, calls));
  t.match(again, { added: 0, known: 10_000, refused: 0 });
  t.same([count(calls, 'points'), count(calls, 'describe')], [10, 0]);
  calls.length = 0;
  const compared = await stage.client.call('compareRepository', { params: { id: 'old' } });
  t.match(compared, { shown: 10_000, recorded: 10_000, differences: 0 });
  t.equal(count(calls, 'points'), 10);
});

function count(calls: string[], what: string): number {
  return calls.filter((call) => call === what).length;
}

t.test(
  'points that contradict themselves, their signer or their authority are refused, each with its reason',
  async (t) => {
    await using stage = await openTheatre();
    const repositoryId = randomUUID();
    const [good, wrongSource, byTarget, stranger, twoModes] = chain(repositoryId, 5) as [
      DescribedPoint,
      DescribedPoint,
      DescribedPoint,
      DescribedPoint,
      DescribedPoint,
    ];
    wrongSource.certificate = await certified(old, randomUUID());
    byTarget.certificate = await certified(old, sourceId, 'target');
    stranger.certificate = await certified(await createAuthority(), sourceId);
    twoModes.descriptor = randomBytes(300);
    const points = [good, wrongSource, byTarget, stranger, twoModes];
    const adopted = await adopt(stage, target(repositoryId, points, [certificateDer(old.certificate)]));
    t.match(adopted, { added: 1, refused: 4 });
    t.match(
      adopted.refusals.map(({ point, code }) => [point, code]),
      [
        [wrongSource.id, 'point-inconsistent'],
        [byTarget.id, 'point-inconsistent'],
        [stranger.id, 'authority-unknown'],
        [twoModes.id, 'point-inconsistent'],
      ],
    );
  },
);

t.test(
  'of an in-flight point that was copied from another repository, who restores it gets a ticket for its zone',
  async (t) => {
    await using stage = await openTheatre();
    const { client, source } = stage;
    const [repositoryId, zone] = [randomUUID(), randomUUID()];
    const [own, copied] = chain(repositoryId, 2) as [DescribedPoint, DescribedPoint];
    copied.zone = uuidBytes(zone);
    const adopted = await adopt(stage, target(repositoryId, [own, copied], [certificateDer(old.certificate)]));
    t.match(adopted, { added: 2, refused: 0 });
    const ticketFor = async (point: string, at: number) => {
      const body = { transporter: 'laptop', path: `/srv/restored-${at}` };
      await client.call('restorePoint', { params: { id: point }, body });
      const { taskId } = await source.task(at);
      const ticket = readTicket((await (await source.connected()).call('task.ticket', { taskId })).ticket);
      await client.call('cancelRun', { params: { id: taskId } });
      return ticket;
    };
    const ofCopied = await ticketFor(copied.id, 0);
    t.match(ofCopied, { mode: 'in-flight', rights: ['read'], repositoryId, domainId: zone });
  },
);

t.test('an authority handed over is the only one that counts, and one found first is the only one later', async (t) => {
  await using stage = await openTheatre();
  const [givenId, foundId] = [randomUUID(), randomUUID()];
  const planted = await createAuthority();
  const both = [old, planted].map((authority) => certificateDer(authority.certificate));
  const forged = async (id: string) => {
    const points = chain(id, 2);
    const [first, second] = points as [DescribedPoint, DescribedPoint];
    // Ids are those of points, wherever they are: no two repositories have the same.
    Object.assign(first, { id: randomUUID() });
    Object.assign(second, { id: randomUUID(), certificate: await certified(planted, sourceId) });
    return points.sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  const given = { name: 'given', path: '/given', authorities: [old.certificate] };
  const strict = await adopt(stage, target(givenId, await forged(givenId), both), given);
  t.match(strict, { added: 1, refused: 1, authorities: [{ given: true, points: 1, fingerprint: old.pin }] });

  const points = await forged(foundId);
  const loose = await adopt(stage, target(foundId, points, both.slice(0, 1)), { name: 'found', path: '/found' });
  t.match(loose, { added: 1, refused: 1, authorities: [{ given: false, points: 1, fingerprint: old.pin }] });
  const later = await adopt(stage, target(foundId, points, both), { name: 'found', path: '/found' });
  t.match(later, { added: 0, known: 1, refused: 1 });
});

t.test(
  'the domain of an adopted point is known by its descriptor: its password is taken, another is not',
  async (t) => {
    await using stage = await openTheatre();
    const { client } = stage;
    const repositoryId = randomUUID();
    const { descriptor } = await createDomain(PASSWORD, KDF);
    const [point] = chain(repositoryId, 1) as [DescribedPoint];
    const zone = descriptor.subarray(8, 24);
    Object.assign(point, { mode: 'source-side', zone, descriptor, epoch: 1, runsHash: hashOf('runs') });
    await adopt(stage, target(repositoryId, [point], [certificateDer(old.certificate)]));
    const params = { id: point.id };
    t.match(await client.call('getPoint', { params }), { passwordNeeded: true, mode: 'source-side' });
    const wrong = client.call('givePointPassword', { params, body: { password: 'another one' } });
    await t.rejects(wrong, { code: 'wrong-password' });
    await client.call('givePointPassword', { params, body: { password: PASSWORD } });
    await t.rejects(client.call('explainJob', { params: { id: point.jobId } }), { code: 'job-adopted' });
  },
);

t.test('points that are replaced, unknown or out of the chain are named in an alarm, once', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  const repositoryId = randomUUID();
  const points = chain(repositoryId, 5);
  const handlers = target(repositoryId, points.slice(0, 4), [certificateDer(old.certificate)]);
  await adopt(stage, handlers);
  const [, second, , fourth, fifth] = points as [unknown, DescribedPoint, unknown, DescribedPoint, DescribedPoint];
  const shown = points.map((point) => ({ ...point }));
  Object.assign(shown[1] as DescribedPoint, { hash: hashOf('another file') });
  Object.assign(shown[3] as DescribedPoint, { previous: hashOf('nothing') });
  Object.assign(stage.target.handlers, target(repositoryId, shown, []));

  const stop = new AbortController();
  const events = client.events(stop.signal);
  const told = firstAlarm(events);
  const params = { id: 'old' };
  const compared = await client.call('compareRepository', { params });
  t.match(compared, {
    shown: 5,
    recorded: 4,
    missing: [],
    replaced: [{ point: second.id, sequence: 2 }],
    unknown: [{ point: fifth.id, sequence: 5 }],
    // The third follows the second as it was, not as it is shown.
    outOfChain: [{ sequence: 3 }, { point: fourth.id }],
  });
  t.equal(compared.differences, 4);
  await client.call('compareRepository', { params });
  const message = new RegExp(`1 replaced by another: ${second.id}.*1 unknown here: ${fifth.id}.*2 out of the chain`);
  t.match(await told, { code: 'points-differ', message });
  stop.abort();
  t.match(await metricsOf(stage), /sealift_alarms_total{code="points-differ"} 1/);
});

async function firstAlarm(events: AsyncIterable<NumberedEvent>): Promise<Alarm> {
  for await (const event of events) if (event.type === 'alarm') return event.data;
  throw new Error('the events have ended');
}

async function metricsOf({ director, data }: Theatre): Promise<string> {
  const ca = await readFile(join(data, 'ca.pem'), 'utf8');
  const request = get(`${director.url}/metrics`, { ca, checkServerIdentity: () => undefined });
  const [response] = await once(request, 'response');
  return await text(response);
}

t.test('a target that shows points out of order or for ever is given up', async (t) => {
  await using stage = await openTheatre();
  const repositoryId = randomUUID();
  const points = chain(repositoryId, 3);
  const handlers = target(repositoryId, points, [certificateDer(old.certificate)]);
  const backwards = target(repositoryId, points.toReversed(), []);
  await t.rejects(adopt(stage, { ...handlers, 'repository.points': backwards['repository.points'] as never }), {
    code: 'point-inconsistent',
  });
  const again: ControlHandlers = { 'repository.points': () => ({ points: [], next: randomUUID() }) };
  await t.rejects(adopt(stage, { ...handlers, ...again }), { code: 'point-inconsistent' });
});
