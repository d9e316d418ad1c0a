import { fail } from './failures.ts';

export interface ConnectionLimits {
  /** Connections at once, those whose handshake is not over included. */
  all: number;
  /** Of those, how many may belong to one peer. */
  perPeer: number;
}

/** The place of one connection among those that are open. */
export interface Slot {
  /** The peer turned out to be another than the one the place was taken for. Throws when that one has too many. */
  moveTo(peer: string): void;
  free(): void;
}

/** Counts a listener's connections, in all and for each peer, and refuses what goes beyond the limits. */
export class ConnectionSlots {
  readonly #limits: ConnectionLimits;
  readonly #byPeer = new Map<string, number>();
  #all = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Throws `too-many-connections` when there is no place left. */
  take(peer: string): Slot {
    const { all } = this.#limits;
    if (this.#all >= all) throw fail('too-many-connections', `There are ${all} connections here, as many as it takes.`);
    this.#add(peer);
    this.#all += 1;
    return this.#slotOf(peer);
  }

  #slotOf(first: string): Slot {
    let peer: string | undefined = first;
    return {
      moveTo: (other) => {
        if (peer === undefined || peer === other) return;
        this.#add(other);
        this.#remove(peer);
        peer = other;
      },
      free: () => {
        if (peer === undefined) return;
        this.#remove(peer);
        this.#all -= 1;
        peer = undefined;
      },
    };
  }

  #add(peer: string): void {
    const { perPeer } = this.#limits;
    const present = this.#byPeer.get(peer) ?? 0;
    if (present >= perPeer) {
      throw fail('too-many-connections', `${peer} has ${perPeer} connections here, as many as one peer may have.`);
    }
    this.#byPeer.set(peer, present + 1);
  }

  #remove(peer: string): void {
    const left = (this.#byPeer.get(peer) ?? 0) - 1;
    if (left > 0) this.#byPeer.set(peer, left);
    else this.#byPeer.delete(peer);
  }
}
