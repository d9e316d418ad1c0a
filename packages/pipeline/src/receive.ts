import { toFailure } from '@sealift/core';
import type { Ticket, TicketRight } from '@sealift/crypto';
import type { Repository } from '@sealift/repository';
import { decodeOpen, type Link, type LinkMessage, MESSAGE, type Open } from '@sealift/wire';
import type { TargetPool } from './decrypt/target-pool.ts';
import { fail } from './failures.ts';
import { refuse } from './serve/refuse.ts';
import { RestoreServer } from './serve/restore-server.ts';
import { BackupReceiver } from './write/backup-receiver.ts';
import type { RunQuotas } from './write/run-quotas.ts';

export interface ServeOptions {
  /** The repositories this Transporter serves. */
  repository: (id: string) => Repository | undefined;
  workers: TargetPool;
  /** What runs have sent, over all sessions of this Transporter. */
  quotas: RunQuotas;
}

/** The target's end of one session: what it does with each message, and what to let go of when the link is gone. */
export interface SessionServer extends AsyncDisposable {
  /** Waits when the session cannot take more for now. */
  receive(message: LinkMessage): Promise<void>;
  /** Resolves when everything taken is done with; rejects with the first failure of work in the background. */
  finish(): Promise<void>;
}

/**
 * Serves one link until the peer ends it: a backup (decrypt | verify | write) or a restore. What goes wrong is told to
 * the peer before the link ends.
 */
export async function serveSession(link: Link, options: ServeOptions, signal: AbortSignal): Promise<void> {
  const onAbort = () => link.abort(toFailure(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await serve(link, options);
    await link.end();
  } catch (thrown) {
    const failure = toFailure(thrown);
    await refuse(link, failure);
    throw failure;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function serve(link: Link, options: ServeOptions): Promise<void> {
  const messages = link.messages()[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) return;
  await using session = await openSession(link, first.value, options);
  for (let next = await messages.next(); !next.done; next = await messages.next()) await session.receive(next.value);
  await session.finish();
}

async function openSession(link: Link, message: LinkMessage, options: ServeOptions): Promise<SessionServer> {
  if (message.kind !== MESSAGE.open) throw fail('protocol-violation', 'The first message of a link was not OPEN.');
  const open = decodeOpen(message.payload);
  const ticket = checkTicket(link, open);
  const repository = options.repository(open.repositoryId);
  if (repository === undefined) {
    throw fail('repository-unknown', `This Transporter does not serve the repository ${open.repositoryId}.`);
  }
  if (open.purpose === 'restore') return RestoreServer.open(link, ticket, repository);
  const take = (bytes: number) => options.quotas.take(ticket, bytes);
  return BackupReceiver.open(link, open, ticket, repository, { workers: options.workers, take });
}

const RIGHTS: Record<Open['purpose'], TicketRight> = { backup: 'append', restore: 'read', copy: 'copy' };

/** A session may do what its ticket says, for the run, job and repository it names, and nothing else. */
function checkTicket(link: Link, open: Open): Ticket {
  const ticket = link.ticket;
  if (ticket === undefined) throw fail('not-permitted', 'The link was opened without a ticket.');
  const same = ticket.runId === open.runId && ticket.jobId === open.jobId && ticket.repositoryId === open.repositoryId;
  if (!same || !ticket.rights.includes(RIGHTS[open.purpose])) {
    throw fail('not-permitted', `The ticket of run ${ticket.runId} does not allow this ${open.purpose}.`);
  }
  if (open.purpose !== 'restore' && (ticket.mode === 'source-side') !== (open.run !== undefined)) {
    throw fail('not-permitted', `The ticket is for ${ticket.mode} mode, and the session was opened in the other.`);
  }
  checkZone(ticket, open);
  return ticket;
}

/** An in-flight point is copied with the secret of its zone, and a ticket says of which zone. */
function checkZone({ mode, domainId, runId }: Ticket, { purpose, zone }: Open): void {
  const isCopied = purpose === 'copy' && mode === 'in-flight';
  if (isCopied ? zone !== undefined && zone.id === domainId : zone === undefined) return;
  throw fail('not-permitted', `The ticket of run ${runId} does not allow chunks of this zone.`);
}
