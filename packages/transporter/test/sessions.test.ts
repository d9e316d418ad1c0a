import { randomUUID } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCertificate, type TicketGrant } from '@sealift/crypto';
import { connectLink, encodeOpen, MESSAGE, type Open } from '@sealift/wire';
import t from 'tap';
import { DirectorStandIn } from './director-stand-in.ts';
import { createRepository, grantAndOpen, open, siteFor } from './site.ts';

t.test('a ticket opens one session, and no second one even after the target was restarted', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
  t.match(await open(site, site.target, ticket, wanted), { repositoryId: ids.repositoryId });
  t.match(await open(site, site.target, ticket, wanted), { code: 'ticket-used', kind: 'refused' });
  const again = await site.restart();
  t.match(await open(site, again, ticket, wanted), { code: 'ticket-used', kind: 'refused' });
  const fresh = site.director.ticket(site.source, site.targetIdentity, ids);
  t.match(await open(site, again, fresh, wanted), { repositoryId: ids.repositoryId }, 'a fresh one is welcome');
});

t.test('a session that its ticket does not cover is refused', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  const attempt = (grant: Partial<TicketGrant>, what: Open) =>
    open(site, site.target, site.director.ticket(site.source, site.targetIdentity, { ...ids, ...grant }), what);
  t.match(await attempt({ rights: ['read'] }, wanted), { code: 'not-permitted', kind: 'refused' });
  t.match(await attempt({ rights: ['append'] }, { ...wanted, purpose: 'restore' }), { code: 'not-permitted' });
  t.match(await attempt({}, { ...wanted, runId: randomUUID() }), { code: 'not-permitted' });
  t.match(await attempt({ mode: 'source-side', domainId: randomUUID() }, wanted), { code: 'not-permitted' });
  t.match(await attempt({}, wanted), { repositoryId: ids.repositoryId }, 'and one that it covers is served');
});

t.test('a ticket for a repository that is not served here is refused', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(randomUUID());
  const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
  t.match(await open(site, site.target, ticket, wanted), { code: 'repository-unknown', kind: 'refused' });
});

t.test('a ticket that another Director signed is refused', async (t) => {
  const site = await siteFor(t);
  const { ids, wanted } = grantAndOpen(await createRepository(site, 'one'));
  await using other = await DirectorStandIn.start();
  const ticket = other.ticket(site.source, site.targetIdentity, ids);
  t.match(await open(site, site.target, ticket, wanted), { code: 'ticket-invalid', kind: 'refused' });
});

t.test('creating a repository again in the same place answers with the one that is there', async (t) => {
  const site = await siteFor(t);
  const first = await createRepository(site, 'one');
  t.same(await createRepository(site, 'one'), first);
  t.not(await createRepository(site, 'two'), first);
  const peer = await site.director.peer(site.target.id);
  await t.rejects(peer.call('repository.create', { name: 'three', path: 'three' }), { code: 'configuration' });
  const path = join(site.folder, 'two');
  await t.rejects(peer.call('repository.open', { repositoryId: first, path }), { code: 'repository-conflict' });
});

t.test('a repository that cannot be opened does not stand in the way of the others', async (t) => {
  const site = await siteFor(t);
  const broken = await createRepository(site, 'broken');
  const sound = await createRepository(site, 'sound');
  await site.target.close();
  await damageConfig(join(site.folder, 'broken'));
  const again = await site.restart();

  const { ids, wanted } = grantAndOpen(sound);
  const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
  t.match(await open(site, again, ticket, wanted), { repositoryId: sound }, 'the sound one is served');
  const lost = grantAndOpen(broken);
  const useless = site.director.ticket(site.source, site.targetIdentity, lost.ids);
  t.match(await open(site, again, useless, lost.wanted), { code: 'format-damaged', kind: 'corrupt' });

  const peer = await site.director.peer(again.id);
  await t.rejects(peer.call('repository.stats', { repositoryId: broken }), { code: 'format-damaged' });
  t.match(await peer.call('repository.stats', { repositoryId: sound }), { repositoryId: sound });
  const ready = await fetch(`${again.healthUrl}/readyz`);
  t.match(await ready.text(), /repository broken","ready":false/);
  const metrics = await (await fetch(`${again.healthUrl}/metrics`)).text();
  t.match(metrics, /sealift_repository_open\{repository="broken"\} 0/);
  t.match(metrics, /sealift_repository_open\{repository="sound"\} 1/);
});

/** Both copies: one alone is made good by the other. */
async function damageConfig(repository: string): Promise<void> {
  for (const copy of ['config', 'spare/config']) {
    const path = join(repository, copy);
    await stat(path);
    await writeFile(path, 'not a configuration');
  }
}

t.test(
  'a source that is revoked loses its session within a second, and gets no other, also after a restart',
  async (t) => {
    const site = await siteFor(t);
    const repositoryId = await createRepository(site, 'store');
    const { serial } = parseCertificate(site.source.certificate);
    const { ids, wanted } = grantAndOpen(repositoryId);
    const ticket = site.director.ticket(site.source, site.targetIdentity, ids);
    const url = site.target.dataUrl as string;
    await using link = await connectLink(
      { url, identity: site.source, ticket, expectPeer: site.target.id },
      AbortSignal.timeout(10_000),
    );
    await link.send(MESSAGE.open, encodeOpen(wanted));
    const messages = link.messages()[Symbol.asyncIterator]();
    t.equal((await messages.next()).value.kind, MESSAGE.opened);
    const peer = await site.director.peer(site.target.id);
    const since = Date.now();
    await peer.call('trust.revoked', { serials: [serial] });
    await t.rejects(messages.next(), { name: 'Failure' });
    t.ok(Date.now() - since < 1000, 'at once');
    site.director.revoked = [serial];
    for (const next of [async () => site.target, site.restart]) {
      const target = await next();
      const other = grantAndOpen(repositoryId);
      const fresh = site.director.ticket(site.source, site.targetIdentity, other.ids);
      t.match(await open(site, target, fresh, other.wanted), { code: 'certificate-revoked', kind: 'refused' });
    }
  },
);
