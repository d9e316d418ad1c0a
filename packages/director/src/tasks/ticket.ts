import { randomUUID } from 'node:crypto';
import { signTicket, TICKET_START_WINDOW, type TicketGrant } from '@sealift/crypto';
import type { Params, Result } from '@sealift/wire';
import type { Context } from '../context.ts';
import { repositoryById } from '../db/repositories.ts';
import { transporterById } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { copyGrantOf, grantOf } from './grant.ts';

/** A connection made with a ticket lasts at most this long, ms; the next one takes a new ticket. */
const LONGEST_CONNECTION = 24 * 60 * 60 * 1000;

/** Permission for one connection of this Transporter to the target of its task. */
export async function giveTicket(
  context: Context,
  session: Session,
  { taskId, pointId }: Params<'task.ticket'>,
): Promise<Result<'task.ticket'>> {
  const grant = await (pointId === undefined
    ? taskGrant(context, session, taskId)
    : copyGrant(context, session, { taskId, pointId }));
  const repository = await repositoryById(context.db, grant.repositoryId);
  const target = repository === undefined ? undefined : await transporterById(context.db, repository.transporterId);
  if (target?.dataUrl === undefined) {
    throw fail('transporter-away', `The target of the task ${taskId} has not been connected yet.`);
  }
  if (target.revokedAt !== undefined) throw fail('transporter-revoked', `The target ${target.name} was revoked.`);
  const issued = Date.now();
  const ticket = signTicket(context.ticketKey.privateKey, {
    jti: randomUUID(),
    issued,
    expires: issued + TICKET_START_WINDOW,
    longestDuration: LONGEST_CONNECTION,
    ...grant,
    sourceKeyHash: session.peer.peer.publicKeyHash,
    targetKeyHash: target.keyHash,
  });
  return { ticket, url: target.dataUrl, targetId: target.id };
}

/** Those fields of a ticket that say what it allows. */
type Allowed = Omit<TicketGrant, 'jti' | 'issued' | 'expires' | 'longestDuration' | 'sourceKeyHash' | 'targetKeyHash'>;

async function taskGrant(context: Context, session: Session, taskId: string): Promise<Allowed> {
  const { jobId, runId, repositoryId, mode, use, ...grant } = await grantOf(context, session, taskId);
  return {
    ...{ jobId, runId, repositoryId, mode },
    rights: use === 'write' ? ['append'] : ['read'],
    ...(grant.domainId === undefined ? {} : { domainId: grant.domainId }),
    ...(grant.quotaBytes === undefined ? {} : { byteQuota: grant.quotaBytes }),
    ...(grant.lockFor === undefined ? {} : { lockFor: grant.lockFor }),
  };
}

async function copyGrant(
  context: Context,
  session: Session,
  of: { taskId: string; pointId: string },
): Promise<Allowed> {
  const { point, ...grant } = await copyGrantOf(context, session, of);
  return { ...grant, rights: ['copy'], pointHash: point.hash };
}
