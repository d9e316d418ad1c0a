import { parseCertificate } from '@sealift/crypto';
import t from 'tap';
import { ScriptedTransporter } from './support/scripted-transporter.ts';
import { newJob, newMember, openTheatre, runWhen, startRun } from './support/stage.ts';

t.test(
  'a revoked source loses its session and its run, everybody is told, and nothing it holds is good any more',
  async (t) => {
    await using stage = await openTheatre();
    const { client, source, target } = stage;
    const told: string[][] = [];
    target.handlers['trust.revoked'] = ({ serials }) => {
      told.push(serials);
      return {};
    };
    await newJob(stage, 'photos');
    const { id } = await startRun(stage, 'photos');
    await source.task(0);
    const peer = await source.connected();
    const { serial } = parseCertificate(source.member.identity.certificate);

    const revoked = await client.call('revokeTransporter', { params: { id: 'laptop' } });
    t.type(revoked.revokedAt, 'string');
    await peer.closed;
    t.same(told.at(-1), [serial]);
    t.match(await runWhen(stage, id, (run) => run.state === 'failed'), { failure: { code: 'transporter-revoked' } });

    const thief = new ScriptedTransporter(source.member);
    const before = await client.call('getTransporter', { params: { id: 'laptop' } });
    const attempt = await thief.connected().then(
      () => 'let in',
      () => 'kept out',
    );
    await thief[Symbol.asyncDispose]();
    t.equal(attempt, 'kept out');
    t.same(await client.call('getTransporter', { params: { id: 'laptop' } }), before);
    await client.call('revokeTransporter', { params: { id: 'laptop' } });

    await stage.restart();
    await target.until(() => target.hellos > 1);
    t.same((await target.greeting()).revoked, [serial], 'who connects later learns it in the greeting');

    const again = new ScriptedTransporter(await newMember(stage, 'laptop', 'source'));
    await again.connected();
    t.match(await client.call('getTransporter', { params: { id: 'laptop' } }), {
      connected: true,
      revokedAt: undefined,
    });
    t.equal(again.id, source.id, 'with a new token it is the same Transporter with another certificate');
    const { serial: fresh } = parseCertificate(again.member.identity.certificate);
    t.notOk((await again.greeting()).revoked.includes(fresh));
    await again[Symbol.asyncDispose]();
  },
);

t.test('no ticket leads to a revoked target', async (t) => {
  await using stage = await openTheatre();
  const { client, source } = stage;
  await newJob(stage, 'photos');
  await startRun(stage, 'photos');
  const { taskId } = await source.task(0);
  const peer = await source.connected();
  t.ok((await peer.call('task.ticket', { taskId })).ticket);
  await client.call('revokeTransporter', { params: { id: 'vault' } });
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'transporter-revoked' });
});

t.test('a Transporter that is needed is not removed, and one that is not is gone', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  await newJob(stage, 'photos');
  for (const id of ['laptop', 'vault']) {
    const removal = client.call('removeTransporter', { params: { id } });
    await t.rejects(removal, { code: 'transporter-needed', message: /photos|store/ });
  }
  const spare = new ScriptedTransporter(await newMember(stage, 'spare', 'source'));
  const peer = await spare.connected();
  await client.call('removeTransporter', { params: { id: 'spare' } });
  await peer.closed;
  await t.rejects(client.call('getTransporter', { params: { id: 'spare' } }), { code: 'not-found' });
  await spare[Symbol.asyncDispose]();
});
