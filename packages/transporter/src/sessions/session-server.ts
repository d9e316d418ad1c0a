import { type Failure, toFailure } from '@sealift/core';
import type { Identity, Ticket } from '@sealift/crypto';
import { createTargetWorkers, serveSession } from '@sealift/pipeline';
import { encodeRefused, type Link, listenForLinks, MESSAGE } from '@sealift/wire';
import type { TicketKeys } from '../control/ticket-keys.ts';
import { fail } from '../failures.ts';
import type { Metrics } from '../health/metrics.ts';
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
  identity: Identity;
  ticketKeys: TicketKeys;
  spentTickets: SpentTickets;
  repositories: Repositories;
  metrics: Metrics;
  log: Logger;
}

/** The target's door: takes links from sources and restoring Transporters and serves each until it ends. */
export class SessionServer implements AsyncDisposable {
  readonly #options: SessionServerOptions;
  readonly #stop = new AbortController();
  readonly #sessions = new Set<Promise<void>>();
  readonly #resources = new AsyncDisposableStack();
  #workers!: ReturnType<typeof createTargetWorkers>;
  #port = 0;

  private constructor(options: SessionServerOptions) {
    this.#options = options;
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
    return this.#port;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Cuts the sessions off, takes no more, and waits until nothing uses a repository any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(fail('stopping', 'The target Transporter is stopping'));
    await Promise.all(this.#sessions);
    await this.#resources.disposeAsync();
  }

  async #listen(): Promise<void> {
    const { host, port, identity, ticketKeys, spentTickets, workers } = this.#options;
    this.#workers = this.#resources.use(createTargetWorkers(workers));
    const listener = await listenForLinks(
      {
        host,
        port,
        identity,
        ticketKeys: () => ticketKeys.all(),
        useTicket: (ticket: Ticket) => spentTickets.use(ticket.jti, ticket.expires),
      },
      (link) => this.#accept(link),
    );
    this.#resources.use(listener);
    this.#port = listener.port;
  }

  #accept(link: Link): void {
    const session = this.#serve(link).finally(() => this.#sessions.delete(session));
    this.#sessions.add(session);
  }

  async #serve(link: Link): Promise<void> {
    const { metrics } = this.#options;
    await using held = link;
    const ticket = held.ticket as Ticket;
    const log = this.#options.log.child({ run: ticket.runId, peer: held.peer.id });
    using watch = new SessionWatch(held, ticket, metrics);
    log.info({ repository: ticket.repositoryId }, 'session opened');
    try {
      await this.#admit(held, ticket);
      await this.#serveAdmitted(held);
      log.info(watch.totals(), 'session ended');
    } catch (thrown) {
      log.warn({ ...watch.totals(), ...failureFields(thrown) }, 'session ended early');
    }
  }

  /** A ticket counts as used only when that is on disk, and opens only a repository that is served here. */
  async #admit(link: Link, ticket: Ticket): Promise<void> {
    const { spentTickets, repositories } = this.#options;
    try {
      await spentTickets.recorded(ticket.jti);
      repositories.demand(ticket.repositoryId);
    } catch (thrown) {
      const failure = toFailure(thrown);
      await refuse(link, failure);
      throw failure;
    }
  }

  async #serveAdmitted(link: Link): Promise<void> {
    const { repositories, identity } = this.#options;
    await serveSession(
      link,
      { repository: (id) => repositories.find(id), selfId: identity.id, workers: this.#workers },
      this.#stop.signal,
    );
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
