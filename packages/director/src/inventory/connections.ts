import type { ControlPeer } from '@sealift/wire';
import type { Transporter } from '../db/transporters.ts';
import { fail } from '../failures.ts';

/** A Transporter that is connected and has said hello. */
export interface Session {
  transporter: Transporter;
  peer: ControlPeer;
}

/** Who is connected: at most one session for each Transporter, the latest. */
export class Connections {
  readonly #sessions = new Map<string, Session>();

  /** Lets a session in. One that the same Transporter had before is cut: it cannot be alive. */
  enter(session: Session): void {
    const earlier = this.#sessions.get(session.transporter.id);
    this.#sessions.set(session.transporter.id, session);
    if (earlier === undefined || earlier.peer === session.peer) return;
    earlier.peer.abort(fail('transporter-away', `${session.transporter.name} has connected anew.`));
  }

  /** The session that ends with this connection; undefined when it had none, or another has taken its place. */
  leave(peer: ControlPeer): Session | undefined {
    const session = this.#sessions.get(peer.peer.id);
    if (session?.peer !== peer) return undefined;
    this.#sessions.delete(peer.peer.id);
    return session;
  }

  of(transporterId: string): Session | undefined {
    const session = this.#sessions.get(transporterId);
    return session?.peer.open === true ? session : undefined;
  }

  /** `transporter-away` when it is not connected. */
  required(transporter: { id: string; name: string }): Session {
    const session = this.of(transporter.id);
    if (session === undefined) throw fail('transporter-away', `The Transporter ${transporter.name} is not connected.`);
    return session;
  }

  /** Whose call this is; refused before `hello`. */
  calling(peer: ControlPeer): Session {
    const session = this.#sessions.get(peer.peer.id);
    if (session?.peer === peer) return session;
    throw fail('transporter-unknown', `The Transporter ${peer.peer.id} has not said hello on this connection.`);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }
}
