/** Where the contents of a small file are: a member of a bundle. */
export interface MemberReference {
  bundle: Buffer;
  ordinal: number;
}

/** How many resolved members are remembered; older ones are asked of the target again. */
const REMEMBERED = 65_536;

/**
 * The contents of small files met in this run, by member id, and the bundle each ended up in. The bundle's id is known
 * only when it is sealed, so whoever meets a content again meanwhile waits here instead of sending it twice.
 */
export class MemberDirectory {
  readonly #entries = new Map<string, PromiseWithResolvers<MemberReference>>();
  readonly #resolved: string[] = [];
  #failed: { error: unknown } | undefined;

  has(id: Buffer): boolean {
    return this.#entries.has(key(id));
  }

  /** From now on somebody is making the bundle that will hold `id`. */
  expect(id: Buffer): void {
    const entry = Promise.withResolvers<MemberReference>();
    // If the run fails, nobody may be waiting for this one.
    entry.promise.catch(() => {});
    if (this.#failed !== undefined) entry.reject(this.#failed.error);
    this.#entries.set(key(id), entry);
  }

  resolve(id: Buffer, reference: MemberReference): void {
    if (!this.has(id)) this.expect(id);
    this.#entries.get(key(id))?.resolve(reference);
    this.#resolved.push(key(id));
    if (this.#resolved.length > 2 * REMEMBERED) {
      for (const old of this.#resolved.splice(0, REMEMBERED)) this.#entries.delete(old);
    }
  }

  /** @throws whatever `fail` was given */
  whereabouts(id: Buffer): Promise<MemberReference> {
    const entry = this.#entries.get(key(id));
    if (entry === undefined) throw new Error('whereabouts of a member that was never asked for');
    return entry.promise;
  }

  /** Whoever waits, and whoever will, learns why no bundle comes. */
  fail(error: unknown): void {
    this.#failed = { error };
    for (const entry of this.#entries.values()) entry.reject(error);
  }
}

function key(id: Buffer): string {
  return id.toString('latin1');
}
