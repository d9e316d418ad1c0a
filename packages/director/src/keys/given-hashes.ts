import { describeDomain, uuidText } from '@sealift/crypto';

/** How long a hash that was given for looking into a point is kept, ms. */
const LOOK = 15 * 60 * 1000;

/** A password hash with the descriptor it belongs to. */
export interface GivenHash {
  passwordHash: Buffer;
  descriptor: Buffer;
}

/**
 * Hashes of passwords that are not stored, given for one run or for looking into one point. They live in memory only,
 * and are erased when the run ends, their time is over, or the Director stops.
 */
export class GivenHashes implements Disposable {
  readonly #hashes = new Map<string, GivenHash & { timer: NodeJS.Timeout | undefined }>();

  giveForRun(runId: string, hash: GivenHash): void {
    this.forget(runId);
    this.#hashes.set(runId, { ...hash, timer: undefined });
  }

  giveForPoint(pointId: string, hash: GivenHash): void {
    this.forget(pointId);
    const timer = setTimeout(() => this.forget(pointId), LOOK);
    timer.unref();
    this.#hashes.set(pointId, { ...hash, timer });
  }

  /** What was given for a run or a point. */
  of(id: string): GivenHash | undefined {
    return this.#hashes.get(id);
  }

  forget(id: string): void {
    const given = this.#hashes.get(id);
    if (given === undefined) return;
    clearTimeout(given.timer);
    given.passwordHash.fill(0);
    this.#hashes.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#hashes.keys()]) this.forget(id);
  }
}

/** What a given hash must fit. */
export interface WantedHash {
  /** UUID. */
  domainId: string;
  /** For a new run: the present epoch of the domain. */
  newest?: number | undefined;
}

/**
 * The hash given for one of these runs or points. One of another domain, or of a password that was replaced since, is
 * not it: the run was to be sealed with the password that its job has now.
 */
export function givenHash(given: GivenHashes, ids: string[], { domainId, newest }: WantedHash): GivenHash | undefined {
  return ids
    .map((id) => given.of(id))
    .find((hash) => {
      if (hash === undefined) return false;
      const described = describeDomain(hash.descriptor);
      return uuidText(described.domainId) === domainId && (newest === undefined || described.epoch === newest);
    });
}
