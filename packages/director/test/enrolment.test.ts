import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createAuthority, createKeyAndRequest, parseCertificate, parseEnrolmentToken } from '@sealift/crypto';
import { connectControl, fetchAuthority, RestClient } from '@sealift/wire';
import t from 'tap';
import { enrol, type Member, ScriptedTransporter } from './support/scripted-transporter.ts';
import { newMember, openStage } from './support/stage.ts';

function dialling({ controlUrl, identity }: Pick<Member, 'controlUrl' | 'identity'>) {
  return { url: controlUrl, identity, handlers: {} };
}

async function tokenFor(stage: Awaited<ReturnType<typeof openStage>>, name: string): Promise<string> {
  return (await stage.client.call('createToken', { body: { name, role: 'source' } })).token;
}

t.test('a token gives a certificate with the identity the Director chose, whatever the request says', async (t) => {
  await using stage = await openStage();
  const member = await newMember(stage, 'laptop', 'source');
  const certificate = parseCertificate(member.identity.certificate);
  t.equal(certificate.id, member.identity.id);
  t.equal(certificate.role, 'source');
  t.equal(member.controlUrl, stage.director.controlUrl);
  await using transporter = new ScriptedTransporter(member);
  await transporter.connected();
  const shown = await stage.client.call('getTransporter', { params: { id: 'laptop' } });
  t.match(shown, { id: member.identity.id, role: 'source', connected: true, version: '0.1.0' });
});

t.test('a token is spent once, also when two come at the same time', async (t) => {
  await using stage = await openStage();
  const { url } = stage.director;
  const token = await tokenFor(stage, 'laptop');
  const both = await Promise.allSettled([enrol(url, token, 'laptop', 'source'), enrol(url, token, 'laptop', 'source')]);
  t.same(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.match(
    both.find(({ status }) => status === 'rejected'),
    { reason: { code: 'token-used' } },
  );
  await t.rejects(enrol(url, token, 'laptop', 'source'), { code: 'token-used', kind: 'refused' });
  t.equal((await stage.client.call('listTransporters', {})).items.length, 1);
});

t.test('a token enrols only under its own name', async (t) => {
  await using stage = await openStage();
  const token = await tokenFor(stage, 'laptop');
  await t.rejects(enrol(stage.director.url, token, 'desktop', 'source'), { code: 'token-misdirected' });
  await t.resolves(enrol(stage.director.url, token, 'laptop', 'source'), 'the attempt has not spent it');
});

t.test('a wrong secret is refused like an unknown token, and too many attempts are held up', async (t) => {
  await using stage = await openStage();
  const { id, pin } = parseEnrolmentToken(await tokenFor(stage, 'laptop'));
  const { request } = await createKeyAndRequest();
  using client = new RestClient({ url: stage.director.url, pin });
  const attempt = () =>
    client.call('enrol', { body: { token: { id, secret: 'A'.repeat(43) }, request, name: 'laptop' } });
  await t.rejects(attempt(), { code: 'token-invalid' });
  await Promise.allSettled(Array.from({ length: 19 }, attempt));
  await t.rejects(attempt(), { code: 'too-many-attempts', kind: 'retry' });
});

t.test('a token is refused after its hour', async (t) => {
  await using stage = await openStage();
  const token = await tokenFor(stage, 'laptop');
  await stage.director.close();
  const database = new DatabaseSync(join(stage.data, 'director.sqlite'));
  database.exec(`UPDATE enrolment_tokens SET expires_at = ${Date.now() - 1}`);
  database.close();
  await stage.restart();
  await t.rejects(enrol(stage.director.url, token, 'laptop', 'source'), { code: 'token-expired' });
});

t.test('a token says nothing of its secret in the database', async (t) => {
  await using stage = await openStage();
  const { secret } = parseEnrolmentToken(await tokenFor(stage, 'laptop'));
  await stage.director.close();
  const database = new DatabaseSync(join(stage.data, 'director.sqlite'));
  const stored = JSON.stringify(database.prepare('SELECT * FROM enrolment_tokens').all());
  database.close();
  t.notOk(stored.includes(secret.toString('base64url')) || stored.includes(secret.toString('hex')));
  t.notOk(stored.includes(JSON.stringify(new Uint8Array(secret))));
});

t.test('a Director with another authority than the pinned one is not trusted', async (t) => {
  await using stage = await openStage();
  const { pin } = await createAuthority();
  await t.rejects(fetchAuthority({ url: stage.director.url, pin }), { code: 'certificate-refused' });
});

t.test('a certificate of another authority does not get onto the control channel', async (t) => {
  await using stage = await openStage();
  const member = await newMember(stage, 'laptop', 'source');
  const stranger = await createAuthority();
  const { privateKey, request } = await createKeyAndRequest();
  const certificate = await stranger.issueTransporter(request, member.identity.id, 'source');
  const identity = { ...member.identity, privateKey, certificate };
  const signal = AbortSignal.timeout(10_000);
  const attempt = connectControl({ url: member.controlUrl, identity, handlers: {} }, signal).then(async (peer) => {
    throw (await peer.closed) ?? new Error('closed without a reason');
  });
  await t.rejects(attempt, { name: 'Failure' });
});

t.test('a Transporter that lost its identity comes back under its id, and its old certificate is out', async (t) => {
  await using stage = await openStage();
  const before = await newMember(stage, 'laptop', 'source');
  const after = await newMember(stage, 'laptop', 'source');
  t.equal(after.identity.id, before.identity.id);
  const peer = await connectControl(dialling(before), AbortSignal.timeout(10_000));
  await t.rejects(peer.call('hello', { version: '0.1.0', role: 'source', tasks: [] }), { code: 'transporter-unknown' });
  await peer.close();
  await t.rejects(stage.client.call('createToken', { body: { name: 'laptop', role: 'target' } }), {
    code: 'name-taken',
  });
});

t.test('a certificate is renewed for a new key, and the old one holds until the new one is used', async (t) => {
  await using stage = await openStage();
  const member = await newMember(stage, 'laptop', 'source');
  const { privateKey, request } = await createKeyAndRequest();
  let certificate = '';
  {
    await using old = new ScriptedTransporter(member);
    const peer = await old.connected();
    certificate = (await peer.call('certificate.renew', { request })).certificate;
    await old.cut();
  }
  const renewed = { ...member, identity: { ...member.identity, privateKey, certificate } };
  {
    await using transporter = new ScriptedTransporter(renewed);
    await transporter.connected();
  }
  const peer = await connectControl(dialling(member), AbortSignal.timeout(10_000));
  await t.rejects(peer.call('hello', { version: '0.1.0', role: 'source', tasks: [] }), { code: 'transporter-unknown' });
  await peer.close();
});

t.test('nothing but hello is answered before hello, and nobody changes roles', async (t) => {
  await using stage = await openStage();
  const { identity, controlUrl } = await newMember(stage, 'laptop', 'source');
  await using peer = await connectControl(dialling({ controlUrl, identity }), AbortSignal.timeout(10_000));
  const taskId = crypto.randomUUID();
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'transporter-unknown' });
  await t.rejects(peer.call('hello', { version: '0.1.0', role: 'target', tasks: [] }), { code: 'role-unfit' });
  await peer.call('hello', { version: '0.1.0', role: 'source', tasks: [] });
  await t.rejects(peer.call('task.ticket', { taskId }), { code: 'task-unknown' });
});
