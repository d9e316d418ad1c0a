import type { Ticket } from '@sealift/crypto';
import type { Link } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Metrics } from '../health/metrics.ts';

const INTERVAL = 1000;

/** Watches one session: counts its bytes, and cuts it off when its ticket's time or bytes are used up. */
export class SessionWatch implements Disposable {
  readonly #link: Link;
  readonly #ticket: Ticket;
  readonly #metrics: Metrics;
  readonly #timer: NodeJS.Timeout;
  readonly #endsAt: number;
  #received = 0;
  #sent = 0;
  #busy = { sending: 0, receiving: 0 };

  constructor(link: Link, ticket: Ticket, metrics: Metrics) {
    this.#link = link;
    this.#ticket = ticket;
    this.#metrics = metrics;
    this.#endsAt = Date.now() + ticket.longestDuration;
    this.#timer = setInterval(() => this.#check(), INTERVAL);
    this.#timer.unref();
  }

  totals(): { received: number; sent: number } {
    return { received: this.#link.bytesReceived, sent: this.#link.bytesSent };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#count();
  }

  #check(): void {
    this.#count();
    const { byteQuota } = this.#ticket;
    if (Date.now() > this.#endsAt) {
      this.#link.abort(fail('ticket-exhausted', 'The session lasted longer than its ticket allows'));
    } else if (byteQuota !== undefined && this.#received > byteQuota) {
      this.#link.abort(fail('ticket-exhausted', `The session received more than the ${byteQuota} bytes of its ticket`));
    }
  }

  #count(): void {
    this.#metrics.countReceived(this.#link.bytesReceived - this.#received);
    this.#metrics.countSent(this.#link.bytesSent - this.#sent);
    const { sending, receiving } = this.#link.busy;
    this.#metrics.clock.add('send', sending - this.#busy.sending);
    this.#metrics.clock.add('receive', receiving - this.#busy.receiving);
    this.#busy = { sending, receiving };
    this.#received = this.#link.bytesReceived;
    this.#sent = this.#link.bytesSent;
  }
}
