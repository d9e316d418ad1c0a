import { fail } from './failures.ts';
import type { Ticket } from './tickets.ts';

/** Remembers the tickets that were used, until they expire by themselves, and refuses them the second time. */
export class UsedTickets {
  /** jti to the time, ms, from which the ticket is refused as expired anyway. */
  readonly #used = new Map<string, number>();

  use(ticket: Ticket, now: Date): void {
    for (const [jti, expires] of this.#used) if (expires < now.getTime()) this.#used.delete(jti);
    if (this.#used.has(ticket.jti)) throw fail('ticket-used', `Ticket ${ticket.jti} was used before.`);
    this.#used.set(ticket.jti, ticket.expires);
  }
}
