import { toFailure } from '@sealift/core';
import { decodeVerifiedPacks, encodeVerifiedPacks, type VerifiedPack } from '../format/verified-packs.ts';
import { packIdOf, VERIFIED_NAME } from '../layout.ts';
import type { Store } from '../store/store.ts';

/** Longest list that is read: 10 million packs. */
const LONGEST = 360_000_000;

/** When each pack was last read, kept in the repository. Losing it costs nothing but reading packs again sooner. */
export class PackHistory {
  readonly #store: Store;
  readonly #packs = new Map<string, Omit<VerifiedPack, 'packId'>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async load(store: Store): Promise<PackHistory> {
    const history = new PackHistory(store);
    try {
      const { tail } = await store.readTail(VERIFIED_NAME, LONGEST);
      for (const { packId, ...read } of decodeVerifiedPacks(tail)) history.#packs.set(packId.toString('hex'), read);
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new') throw failure;
    }
    return history;
  }

  /** Forgets all packs but those of these names, and notes new ones as seen now. */
  keep(names: readonly string[], now: number): void {
    const present = new Set(names.map(keyOf));
    for (const key of this.#packs.keys()) if (!present.has(key)) this.#packs.delete(key);
    for (const key of present) if (!this.#packs.has(key)) this.#packs.set(key, { seenAt: now, readAt: 0, flaws: 0 });
  }

  of(name: string): Omit<VerifiedPack, 'packId'> {
    return this.#packs.get(keyOf(name)) ?? { seenAt: 0, readAt: 0, flaws: 0 };
  }

  note(name: string, readAt: number, flaws: number): void {
    this.#packs.set(keyOf(name), { ...this.of(name), readAt, flaws });
  }

  /** Every pack was read then or later; undefined while one never was. */
  get since(): number | undefined {
    let oldest = Number.MAX_SAFE_INTEGER;
    for (const { readAt } of this.#packs.values()) oldest = Math.min(oldest, readAt);
    return oldest === 0 || this.#packs.size === 0 ? undefined : oldest;
  }

  async save(): Promise<void> {
    const packs = [...this.#packs].map(([key, read]) => ({ packId: Buffer.from(key, 'hex'), ...read }));
    const file = await this.#store.grow(`${crypto.randomUUID()}.tmp`);
    try {
      await file.append([encodeVerifiedPacks(packs)]);
      await file.publish(VERIFIED_NAME);
    } catch (thrown) {
      await file.discard();
      throw thrown;
    }
    await file[Symbol.asyncDispose]();
  }
}

function keyOf(name: string): string {
  return packIdOf(name).toString('hex');
}
