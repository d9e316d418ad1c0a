import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Identity, parseCertificate, type TicketGrant } from '@sealift/crypto';
import { connectLink, encodeAsk, encodeOpen, type Link, MESSAGE, type Open } from '@sealift/wire';
import t from 'tap';
import { DirectorStandIn } from './director-stand-in.ts';
import { createRepository, grantAndOpen, open, siteFor, started } from './site.ts';

const MINUTE = 60_000;

/** Where each field of a ticket begins. */
const AT = {
  keyId: 1,
  jti: 9,
  issued: 25,
  expires: 33,
  longestDuration: 41,
  job: 49,
  run: 65,
  sourceKey: 81,
  targetKey: 113,
  repository: 145,
  domain: 161,
  mode: 177,
  rights: 178,
  quota: 179,
  signature: 187,
  /** Version 2: before the signature. */
  lock: 187,
};

/** The ticket with `bytes` in place of what stands at `offset`. */
function altered(ticket: Buffer, offset: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(ticket);
  copy.set(bytes, offset);
  return copy;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function uuid(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

function keyHashOf({ certificate }: Identity): Buffer {
  return parseCertificate(certificate).publicKeyHash;
}

t.test('a ticket that is replayed, at once or after a restart of the target, is refused', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
  const both = await Promise.all([1, 2].map(() => open(site, site.target, ticket, wanted)));
  t.equal(both.filter((answer) => 'repositoryId' in answer).length, 1, 'of two at the same time one gets in');
  t.equal(both.filter((answer) => 'code' in answer && answer.code === 'ticket-used').length, 1);
  for (const next of [async () => site.target, site.restart, site.restart]) {
    t.match(await open(site, await next(), ticket, wanted), { code: 'ticket-used', kind: 'refused' });
  }
});

t.test('a ticket that is stolen is worth nothing to another Transporter, and is not spent by it', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
  const misdirected = { code: 'ticket-misdirected', kind: 'refused' };
  for (const role of ['source', 'agent', 'target'] as const) {
    const thief = await site.director.identity(role);
    t.match(await open(site, site.target, ticket, wanted, thief), misdirected, role);
  }
  const other = await site.director.enrolled(join(site.folder, 'elsewhere'), 'target');
  const elsewhere = await started(other.config);
  t.teardown(() => elsewhere.close());
  t.match(await open(site, elsewhere, ticket, wanted), misdirected, 'at another target');
  t.match(await open(site, site.target, ticket, wanted), { repositoryId: ids.repositoryId }, 'its owner gets in');
});

t.test('a ticket with any field altered is refused, whoever presents it', async (t) => {
  const site = await siteFor(t);
  const repositoryId = await createRepository(site, 'one');
  const secondRepository = await createRepository(site, 'two');
  const { ids, wanted } = grantAndOpen(repositoryId);
  const thief = await site.director.identity('source');
  const other = await site.director.identity('target');
  await using otherDirector = await DirectorStandIn.start();
  const grant = { ...ids, rights: ['append' as const], byteQuota: 1000 };
  const ticket = site.director.ticket(site.source, site.targetIdentity, grant);
  const locked = site.director.ticket(site.source, site.targetIdentity, { ...grant, lockFor: 60 * MINUTE });
  const forOther = site.director.ticket(site.source, other, grant);
  const foreign = otherDirector.ticket(site.source, site.targetIdentity, grant);
  const [job, run, domain] = [randomUUID(), randomUUID(), randomUUID()];

  const attacks: [string, Buffer, Partial<Open>, Identity?][] = [
    ['a version that is not known', altered(ticket, 0, Buffer.from([9])), {}],
    ['the other version', altered(ticket, 0, Buffer.from([2])), {}],
    ['a shorter lock', altered(locked, AT.lock, u64(1)), {}],
    ['no lock', altered(Buffer.concat([locked.subarray(0, AT.lock), locked.subarray(-64)]), 0, Buffer.from([1])), {}],
    ['another key id', altered(ticket, AT.keyId, foreign.subarray(AT.keyId, AT.jti)), {}],
    ['a fresh id, to be used twice', altered(ticket, AT.jti, uuid(randomUUID())), {}],
    ['issued later', altered(ticket, AT.issued, u64(Date.now() + 30_000)), {}],
    ['a later expiry', altered(ticket, AT.expires, u64(Date.now() + 600 * MINUTE)), {}],
    ['a longer duration', altered(ticket, AT.longestDuration, u64(365 * 24 * 60 * MINUTE)), {}],
    ['another job', altered(ticket, AT.job, uuid(job)), { jobId: job }],
    ['another run', altered(ticket, AT.run, uuid(run)), { runId: run }],
    ['the key of the thief', altered(ticket, AT.sourceKey, keyHashOf(thief)), {}, thief],
    ['made for another target, now for this', altered(forOther, AT.targetKey, keyHashOf(site.targetIdentity)), {}],
    ['another repository', altered(ticket, AT.repository, uuid(secondRepository)), { repositoryId: secondRepository }],
    ['an encryption domain', altered(ticket, AT.domain, uuid(domain)), {}],
    ['the other mode', altered(ticket, AT.mode, Buffer.from([2])), {}],
    ['the right to read', altered(ticket, AT.rights, Buffer.from([0b11])), { purpose: 'restore' }],
    ['every right', altered(ticket, AT.rights, Buffer.from([0b11111])), {}],
    ['no quota', altered(ticket, AT.quota, u64(Number.MAX_SAFE_INTEGER)), {}],
    ['the signature of another ticket', altered(ticket, AT.signature, forOther.subarray(AT.signature)), {}],
    ['signed by another Director', foreign, {}],
    [
      'signed by another Director under the id of the right key',
      altered(foreign, AT.keyId, ticket.subarray(AT.keyId, AT.jti)),
      {},
    ],
    ['cut short', ticket.subarray(0, -1), {}],
  ];
  for (const [what, bytes, more, who] of attacks) {
    const code = what === 'a version that is not known' ? 'format-unknown' : 'ticket-invalid';
    const answer = await open(site, site.target, bytes, { ...wanted, ...more }, who);
    t.match(answer, { code, kind: code === 'format-unknown' ? /./ : 'refused' }, what);
  }
  t.match(await open(site, site.target, ticket, wanted), { repositoryId }, 'as it was signed it is good, and unspent');
});

t.test('a ticket opens no other session than the one it was granted for', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const second = await createRepository(site, 'two');
  const attacks: [string, Partial<TicketGrant>, Partial<Open>][] = [
    ['an append right for a restore', { rights: ['append'] }, { purpose: 'restore' }],
    ['a read right for a backup', { rights: ['read'] }, {}],
    ['rights to verify, prune and delete for a backup', { rights: ['verify', 'prune', 'delete'] }, {}],
    ['no right at all', { rights: [] }, {}],
    ['for another run', {}, { runId: randomUUID() }],
    ['for another job', {}, { jobId: randomUUID() }],
    ['for another repository that is served here', {}, { repositoryId: second }],
    ['source-side, opened in-flight', { mode: 'source-side', domainId: randomUUID() }, {}],
    [
      'in-flight, opened source-side',
      {},
      { run: { runSalt: Buffer.alloc(32), epoch: 1, commitment: Buffer.alloc(32) } },
    ],
  ];
  for (const [what, grant, more] of attacks) {
    const ticket = site.director.ticket(site.source, site.targetIdentity, { ...ids, ...grant });
    const answer = await open(site, site.target, ticket, { ...wanted, ...more });
    t.match(answer, { code: 'not-permitted', kind: 'refused' }, what);
  }
});

t.test('a ticket is good from when it was issued, until its expiry, and for five minutes at most', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const now = Date.now();
  const attempt = (times: { issued: number; expires: number }) =>
    open(site, site.target, site.director.ticket(site.source, site.targetIdentity, { ...ids, ...times }), wanted);
  const expired = { code: 'ticket-expired', kind: 'refused' };
  t.match(await attempt({ issued: now - 2 * MINUTE, expires: now - MINUTE }), expired, 'expired');
  t.match(await attempt({ issued: now - 6 * MINUTE, expires: now + 60 * MINUTE }), expired, 'begun too late');
  t.match(await attempt({ issued: now + 5 * MINUTE, expires: now + 10 * MINUTE }), expired, 'from the future');
  t.match(await attempt({ issued: now - 4 * MINUTE, expires: now + MINUTE }), { repositoryId: ids.repositoryId });
});

t.test('a session that outlasts its ticket, or sends more than it allows, is cut off', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const connect = async (grant: Partial<TicketGrant>): Promise<Link> => {
    const ticket = site.director.ticket(site.source, site.targetIdentity, { ...ids, ...grant });
    const url = site.target.dataUrl as string;
    const link = await connectLink({ url, identity: site.source, ticket }, AbortSignal.timeout(10_000));
    await link.send(MESSAGE.open, encodeOpen(wanted));
    return link;
  };
  const read = async (link: Link) => {
    for await (const { kind } of link.messages()) t.equal(kind, MESSAGE.opened);
  };
  const exhausted = { code: 'ticket-exhausted', kind: 'retry' };
  await t.rejects(read(await connect({ longestDuration: 500 })), exhausted, 'too long');

  const greedy = await connect({ byteQuota: 50_000 });
  const asking = (async () => {
    for (let request = 1; ; request += 1) {
      await greedy.send(MESSAGE.ask, encodeAsk({ request, ids: Buffer.alloc(3200) }));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const [answers, asked] = await Promise.allSettled([
    (async () => {
      for await (const _ of greedy.messages());
    })(),
    asking,
  ]);
  t.match(answers, { status: 'rejected', reason: exhausted }, 'too much');
  t.match(asked, { status: 'rejected' });
});
