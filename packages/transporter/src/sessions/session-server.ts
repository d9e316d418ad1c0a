import { type Failure, toFailure } from '@sealift/core';
import type { Identity, Ticket } from '@sealift/crypto';
import { createTargetWorkers, RunQuotas, serveSession } from '@sealift/pipeline';
import {
  type BandwidthLimits,
  encodeRefused,
  type Link,
  type LinkListener,
  listenForLinks,
  MESSAGE,
} from '@sealift/wire';
import type { TicketKeys } from '../control/ticket-keys.ts';
import { fail } from '../failures.ts';
import type { Metrics } from '../health/metrics.ts';
import type { RevokedCertificates } from '../identity/revoked-certificates.ts';
import { failureFields, type Logger } from '../logger.ts';
import type { Repositories } from './repositories.ts';
import { SessionWatch } from './session-watch.ts';
import type { SpentTickets } from './spent-tickets.ts';

/** How long a peer that is refused may take to take note of it, ms. */
const REFUSAL_PATIENCE = 5_000;

export interface SessionServerOptions {
  host: string;
  port: number;
  workers: number;
  /** Links at once. */
  limits: { all: number; perPeer: number };
  postQuantumOnly: boolean;
  identity: Identity;
  ticketKeys: TicketKeys;
  spentTickets: SpentTickets;
  revoked: RevokedCertificates;
  bandwidth: BandwidthLimits;
  /** UUID of this Transporter. */
  own: () => string;
  repositories: Repositories;
  metrics: Metrics;
  log: Logger;
}

/** The target's door: takes links from sources and restoring Transporters and serves each until it ends. */
export class SessionServer implements AsyncDisposable {
  readonly #options: SessionServerOptions;
  readonly #stop = new AbortController();
  readonly #sessions = new Set<Promise<void>>();
  readonly #quotas = new RunQuotas();
  #workers: ReturnType<typeof createTargetWorkers>;
  #listener: LinkListener | undefined;

  private constructor(options: SessionServerOptions) {
    this.#options = options;
    this.#workers = createTargetWorkers(options.workers, options.metrics.clock);
  }

  static async listen(options: SessionServerOptions): Promise<SessionServer> {
    const server = new SessionServer(options);
    try {
      await server.#listen();
    } catch (thrown) {
      await server[Symbol.asyncDispose]();
      throw toFailure(thrown);
    }
    return server;
  }

  get port(): number {
    return this.#listener?.port ?? this.#options.port;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Cuts the sessions off, takes no more, and waits until nothing uses a repository any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('stopping', 'The target Transporter is stopping'));
    await this.#listener?.close();
    await Promise.all(this.#sessions);
    await this.#workers[Symbol.asyncDispose]();
  }

  /** Shows this identity from now on. Links that were made under the one before go on. */
  present(identity: Identity): void {
    this.#listener?.present(identity);
  }

  async #listen(): Promise<void> {
    const { host, port, identity, limits, postQuantumOnly, ticketKeys, spentTickets, log } = this.#options;
    this.#listener = await listenForLinks(
      {
        host,
        port,
        identity,
        limits,
        postQuantumOnly,
        ticketKeys: () => ticketKeys.all(),
        useTicket: ({ jti, expires }) => spentTickets.use(jti, expires),
        onRefused: (failure, peer) => log.warn({ peer, failure }, 'connection refused'),
      },
      (link) => this.#accept(link),
    );
  }

  #accept(link: Link): void {
    const session = this.#serve(link)
      .catch((thrown) => this.#options.log.error(failureFields(thrown), 'session not closed in order'))
      .finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  async #serve(link: Link): Promise<void> {
    const { metrics, repositories, bandwidth, own } = this.#options;
    const repository = (id: string) => repositories.find(id);
    await using held = link;
    const ticket = held.ticket as Ticket;
    const ends = { own: own(), peer: held.peer.id, job: ticket.jobId };
    held.paceBy(() => bandwidth.pacersFor(ends));
    const log = this.#options.log.child({ run: ticket.runId, peer: held.peer.id });
    using watch = new SessionWatch(held, ticket, metrics);
    log.info({ repository: ticket.repositoryId }, 'session opened');
    const workers = this.#workers;
    try {
      await this.#admit(held, ticket);
      await serveSession(held, { repository, workers, quotas: this.#quotas }, this.#stop.signal);
      log.info(watch.totals(), 'session ended');
    } catch (thrown) {
      log.warn({ ...watch.totals(), ...failureFields(thrown) }, 'session ended early');
      if (toFailure(thrown).code === 'worker-died') await this.#replaceWorkers(workers);
    }
  }

  /** A pool that lost a thread is of no use any more: later sessions get a new one. */
  async #replaceWorkers(dead: ReturnType<typeof createTargetWorkers>): Promise<void> {
    if (dead !== this.#workers || this.#stop.signal.aborted) return;
    this.#workers = createTargetWorkers(this.#options.workers, this.#options.metrics.clock);
    await dead[Symbol.asyncDispose]();
  }

  /** A ticket counts as used only when that is on disk, and opens only a repository that is served here. */
  async #admit(link: Link, ticket: Ticket): Promise<void> {
    const { spentTickets, repositories, revoked } = this.#options;
    try {
      revoked.admit(link);
      await spentTickets.recorded(ticket.jti);
      repositories.demand(ticket.repositoryId);
      this.#stop.signal.throwIfAborted();
    } catch (thrown) {
      const failure = toFailure(thrown);
      await refuse(link, failure);
      throw failure;
    }
  }
}

/** Tells the peer why, and leaves it a moment to hear it. */
async function refuse(link: Link, failure: Failure): Promise<void> {
  const patience = setTimeout(() => link.abort(failure), REFUSAL_PATIENCE);
  try {
    await link.send(MESSAGE.refused, encodeRefused(failure));
    await link.end();
  } catch {
    // It is gone already; the log has the reason.
  } finally {
    clearTimeout(patience);
  }
}
