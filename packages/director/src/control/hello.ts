import type { CallContext, Params, Result } from '@sealift/wire';
import type { Context } from '../context.ts';
import { addCertificate, isRevoked, revokedSerials } from '../db/certificates.ts';
import { jobIdsOf } from '../db/jobs.ts';
import { repositoriesOf } from '../db/repositories.ts';
import type { Run } from '../db/run.ts';
import { runningRunsOf } from '../db/runs.ts';
import { recordHello, type Transporter, transporterById } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { claimSlots } from '../keys/own-slots.ts';
import { unlockUnasked } from '../keys/unlock-repository.ts';
import { transporterResource } from '../resources/transporter.ts';
import { reconcile } from '../schedule/reconcile.ts';
import { tellBandwidth } from './bandwidth.ts';

/** Lets a Transporter in, then has it catch up with what it missed. */
export async function greet(
  context: Context,
  params: Params<'hello'>,
  { peer, signal }: CallContext,
): Promise<Result<'hello'>> {
  const { db, log } = context;
  const member = await memberBehind(context, peer.peer, params);
  const { serial, notAfter } = peer.peer;
  await db.batch([addCertificate({ serial, transporterId: member.id, expiresAt: notAfter.getTime() })]);
  await recordHello(db, member.id, {
    at: Date.now(),
    version: params.version,
    dataUrl: params.dataUrl,
    keyHash: peer.peer.publicKeyHash,
    certificateExpiresAt: peer.peer.notAfter.getTime(),
  });
  const transporter = (await transporterById(db, member.id)) ?? member;
  // Read before the session counts as connected: a run begun on it from now on is not one that it has lost.
  const running = await runningRunsOf(db, transporter.id);
  // A target that was away may have started anew: what it had open then says nothing now.
  context.repositories.forget(await repositoriesOf(db, transporter.id));
  if (!peer.open) throw fail('transporter-away', `The connection of ${transporter.name} has ended.`);
  const session = { transporter, peer };
  context.connections.enter(session);
  log.info({ transporter: transporter.name, version: params.version, tasks: params.tasks.length }, 'connected');
  context.events.publish({ type: 'transporter.state', data: transporterResource(context, transporter) });
  const revoked = await revokedSerials(db, Date.now());
  const jobs = await jobIdsOf(db, transporter.id);
  // The answer goes out before anything is asked of the Transporter.
  setImmediate(() => void catchUp(context, session, { running, held: params.tasks, signal }));
  return { directorId: context.directorId, ticketKeys: [context.ticketKey.publicDer], now: Date.now(), revoked, jobs };
}

async function memberBehind(
  { db }: Context,
  certificate: { id: string; role?: string; serial: string; publicKeyHash: Buffer },
  { role }: Params<'hello'>,
): Promise<Transporter> {
  if (await isRevoked(db, certificate.serial)) {
    throw fail('transporter-revoked', `The certificate ${certificate.serial} of ${certificate.id} was revoked.`);
  }
  const member = await transporterById(db, certificate.id);
  const known = [member?.keyHash, member?.nextKeyHash].some((hash) => hash?.equals(certificate.publicKeyHash));
  if (member === undefined || !known) {
    throw fail('transporter-unknown', `The Transporter ${certificate.id} is not, or no longer, enrolled here.`);
  }
  if (member.role !== role || member.role !== certificate.role) {
    throw fail('role-unfit', `${member.name} is enrolled as ${member.role}, not as ${role}.`);
  }
  return member;
}

interface Missed {
  running: Run[];
  held: Params<'hello'>['tasks'];
  signal: AbortSignal;
}

async function catchUp(context: Context, session: Session, { running, held, signal }: Missed): Promise<void> {
  try {
    // Before anything runs: it is to keep to them from its first byte on.
    await tellBandwidth(context, session);
    const repositories = await repositoriesOf(context.db, session.transporter.id);
    const opening = repositories.map(async (repository) => {
      await context.repositories.open(session, repository, signal);
      await claimSlots(context, repository);
      await unlockUnasked(context, session, repository);
      context.wakeDispatcher();
      if (context.repositories.of(repository.id)?.stats !== undefined) {
        await context.comparisons.compareSoon(repository);
      }
    });
    await Promise.all([...opening, reconcile(context, session, running, held)]);
  } catch (thrown) {
    if (!signal.aborted) context.log.error({ transporter: session.transporter.name, failure: thrown }, 'not caught up');
  } finally {
    context.wakeDispatcher();
  }
}
