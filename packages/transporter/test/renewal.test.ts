import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Identity, parseCertificate } from '@sealift/crypto';
import {
  type CallContext,
  type ControlPeer,
  connectControl,
  connectLink,
  DATA_SUBPROTOCOL,
  encodeAsk,
  encodeOpen,
  type Link,
  MESSAGE,
  type Params,
  type TaskResult,
  type TaskStart,
} from '@sealift/wire';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { startTransporter } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

const DAY = 24 * 60 * 60 * 1000;
/** How long certificates live here. */
const LIFE = 12_000;

/** A stand-in for a Director whose certificates live for seconds, with a source and a target that have such ones. */
async function shortLived(t: Test) {
  const folder = await folderFor(t);
  const director = await DirectorStandIn.start();
  const renewals: { id: string; at: number; notAfter: number; publicKeyHash: Buffer }[] = [];
  const results: TaskResult[] = [];
  Object.assign(director.handlers, {
    'certificate.renew': async ({ request }: Params<'certificate.renew'>, { peer }: CallContext) => {
      const { id, role } = peer.peer;
      const certificate = await director.authority.issueTransporter(request, id, role as string, LIFE / DAY);
      const { notAfter, publicKeyHash } = parseCertificate(certificate);
      renewals.push({ id, at: Date.now(), notAfter: notAfter.getTime(), publicKeyHash });
      return { certificate, authority: director.authority.certificate };
    },
    'task.progress': () => ({}),
    'task.warning': () => ({}),
    'task.finished': ({ result }: Params<'task.finished'>) => {
      results.push(result);
      return {};
    },
  });
  const [source, target] = [
    await director.enrolled(folder, 'source', LIFE / DAY),
    await director.enrolled(folder, 'target', LIFE / DAY),
  ];
  const running = { source: await startTransporter(source.config), target: await startTransporter(target.config) };
  t.teardown(async () => {
    await Promise.all([running.source.close(), running.target.close()]);
    await director[Symbol.asyncDispose]();
  });
  /** The certificate that counts for this Transporter at the Director. */
  const present = async (id: string) => (await director.peer(id)).peer;
  return {
    folder,
    director,
    renewals,
    results,
    first: { source: source.identity, target: target.identity },
    ...running,
    present,
  };
}

type Site = Awaited<ReturnType<typeof shortLived>>;

/** A ticket as the Director would give it: for the keys that it knows. */
async function ticketFor(site: Site, source: Identity, grant: { repositoryId: string; runId: string; jobId: string }) {
  const { publicKeyHash } = await site.present(site.target.id);
  return site.director.ticket(source, site.first.target, { ...grant, targetKeyHash: publicKeyHash });
}

/** A session of a source whose own certificate lives longer than the target's. */
async function session(site: Site, source: Identity, repositoryId: string): Promise<Link> {
  const ids = { runId: randomUUID(), jobId: randomUUID(), repositoryId };
  const ticket = await ticketFor(site, source, ids);
  const url = site.target.dataUrl as string;
  const link = await connectLink(
    { url, identity: source, ticket, expectPeer: site.target.id },
    AbortSignal.timeout(10_000),
  );
  await link.send(MESSAGE.open, encodeOpen({ purpose: 'backup', ...ids }));
  return link;
}

/** Enrolment dates certificates back, so the first of seconds is due at once: this is the connection after that. */
async function renewedOnce(site: Site, id: string): Promise<ControlPeer> {
  for (;;) {
    const [first] = site.renewals.filter((one) => one.id === id);
    const peer = await site.director.peer(id);
    if (first?.publicKeyHash.equals(peer.peer.publicKeyHash) === true) return peer;
    await sleep(50);
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(50);
}

function backupTask(repositoryId: string, path: string): TaskStart & { kind: 'backup' } {
  const ids = { taskId: randomUUID(), runId: randomUUID(), jobId: randomUUID(), jobName: 'photos', attempt: 1 };
  const what = { sources: [Buffer.from(path)], exclude: [], compression: 'auto' };
  return { ...ids, kind: 'backup', spec: { ...what, repositoryId, mode: 'in-flight' } };
}

t.test(
  'certificates are renewed before they expire, under links that go on, and the next links show the new ones',
  async (t) => {
    const site = await shortLived(t);
    const peer = await renewedOnce(site, site.target.id);
    const { repositoryId } = await peer.call('repository.create', { name: 'store', path: join(site.folder, 'store') });
    const source = await site.director.identity('source');
    await using running = await session(site, source, repositoryId);
    const messages = running.messages()[Symbol.asyncIterator]();
    t.equal((await messages.next()).value.kind, MESSAGE.opened);
    const shown = running.peer.serial;

    const ofTarget = () => site.renewals.filter(({ id }) => id === site.target.id);
    await until(() => ofTarget().length >= 3 && Date.now() > running.peer.notAfter.getTime());
    let expires = Number.POSITIVE_INFINITY;
    for (const { at, notAfter } of ofTarget()) {
      t.ok(at < expires, 'each came before the one before it had expired');
      expires = notAfter;
    }
    await running.send(MESSAGE.ask, encodeAsk({ request: 7, ids: Buffer.alloc(32) }));
    const { kind } = (await messages.next()).value;
    t.equal(kind, MESSAGE.answer, 'the link made under a certificate that has expired since goes on');

    await using next = await session(site, source, repositoryId);
    t.not(next.peer.serial, shown, 'the next link is made under the new certificate');
    t.ok(next.peer.notAfter.getTime() > Date.now());
    const at = await site.present(site.target.id);
    t.ok(at.notAfter.getTime() > Date.now(), 'and so is the control channel');
  },
);

t.test('a backup goes on while the certificates of its source and its target are renewed', async (t) => {
  const site = await shortLived(t);
  const { director, folder } = site;
  const peer = await renewedOnce(site, site.target.id);
  const { repositoryId } = await peer.call('repository.create', { name: 'store', path: join(folder, 'store') });
  const photos = join(folder, 'photos');
  await mkdir(photos);
  await writeFile(join(photos, 'sea.txt'), 'waves');
  const task = backupTask(repositoryId, photos);
  const grant = { runId: task.runId, jobId: task.jobId, repositoryId };
  const asked: Buffer[] = [];
  director.handlers['task.ticket'] = async (_, { peer: { peer: source } }) => {
    asked.push(source.publicKeyHash);
    // Until both have renewed: the ticket is for the keys of the connection over which it was asked.
    const { publicKeyHash: targetKeyHash } = await site.present(site.target.id);
    await until(() =>
      [site.source, site.target].every(({ id }) => site.renewals.filter((one) => one.id === id).length > 1),
    );
    const named = { sourceKeyHash: source.publicKeyHash, targetKeyHash };
    const ticket = director.ticket(site.first.source, site.first.target, { ...grant, ...named });
    return { ticket, url: site.target.dataUrl as string, targetId: site.target.id };
  };
  await (await renewedOnce(site, site.source.id)).call('task.start', task);
  await until(() => site.results.length > 0);
  t.match(site.results, [{ outcome: 'done', point: { id: task.runId, sequence: 1 } }]);
  t.notOk(asked.at(-1)?.equals(parseCertificate(site.first.source.certificate).publicKeyHash), 'under a new key');
});

t.test('an expired certificate is refused at the data port and on the control channel', async (t) => {
  const site = await shortLived(t);
  const expired = await site.director.identity('source', -1 / 24 / 3600);
  const ticket = site.director.ticket(expired, site.first.target, { repositoryId: randomUUID() });
  const url = site.target.dataUrl as string;
  const signal = AbortSignal.timeout(10_000);
  await t.rejects(connectLink({ url, identity: expired, ticket }, signal), { code: 'certificate-expired' });
  const key = expired.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const tls = {
    key,
    cert: expired.certificate,
    ca: expired.authority,
    checkServerIdentity: (() => undefined) as never,
  };
  const hostile = new WebSocket(url, DATA_SUBPROTOCOL, { ...tls, minVersion: 'TLSv1.3' });
  const failed = Promise.withResolvers<Error & { code?: string }>();
  hostile.on('error', failed.resolve);
  hostile.once('open', () => failed.reject(new Error('it was let in')));
  t.match(await failed.promise, { code: /ECONNRESET|ALERT_CERTIFICATE_EXPIRED/ }, 'one that does not look at its own');
  await t.rejects(connectControl({ url: site.director.controlUrl, identity: expired, handlers: {} }, signal), {
    code: 'certificate-refused',
    kind: 'refused',
  });
});
