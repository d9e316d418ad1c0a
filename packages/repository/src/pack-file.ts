import { randomBytes } from 'node:crypto';
import type { RunRecord } from '@sealift/crypto';
import { encodeFooter, type PackEntry } from './format/pack-footer.ts';
import { encodePackHeader, type PackHeader } from './format/pack-header.ts';
import { packName, unfinishedPackName } from './layout.ts';
import type { GrowingFile, Store } from './store/store.ts';

/** A pack is finished once it is this long, bytes. */
export const PACK_TARGET = 64 * 1024 * 1024;

/** A record on its way into a pack. */
export interface RecordToWrite {
  entry: Omit<PackEntry, 'offset' | 'length'>;
  /** Header, member ids and body; written in this order. */
  parts: Buffer[];
  length: number;
}

/**
 * A pack being written: records are appended and made durable in groups, the footer comes last. Several groups may be on
 * their way: while one is synced the next is appended. They become durable in their order, and when one fails, so do
 * all behind it, whatever their own syncs said.
 */
export class PackFile {
  readonly header: PackHeader;
  readonly #file: GrowingFile;
  readonly #entries: PackEntry[] = [];
  /** Changes of the file, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Of the group appended last, and so of all before it. */
  #durable: Promise<void> = Promise.resolve();
  /** End of what is durable. */
  #durableLength = 0;
  #failed: { thrown: unknown } | undefined;

  private constructor(header: PackHeader, file: GrowingFile) {
    this.header = header;
    this.#file = file;
    this.#durableLength = file.length;
  }

  static async begin(store: Store, session: { zone: Buffer; run?: RunRecord }): Promise<PackFile> {
    const header: PackHeader = { packId: randomBytes(16), createdAt: Date.now(), ...session };
    const file = await store.grow(unfinishedPackName(header.packId));
    try {
      await file.append([encodePackHeader(header)]);
    } catch (thrown) {
      await file.discard();
      throw thrown;
    }
    return new PackFile(header, file);
  }

  /** Name under which it can be read now. */
  get name(): string {
    return this.#file.name;
  }

  get length(): number {
    return this.#file.length;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Writes a group and makes it durable; on failure nothing of it counts, nor of any group after it. */
  async add(records: readonly RecordToWrite[]): Promise<PackEntry[]> {
    const { entries, durable } = await this.#inTurn(() => this.#append(records));
    await durable;
    return entries;
  }

  async #append(records: readonly RecordToWrite[]): Promise<{ entries: PackEntry[]; durable: Promise<void> }> {
    if (this.#failed !== undefined) throw this.#failed.thrown;
    const before = this.#file.length;
    let offset = before;
    const entries = records.map(({ entry, length }) => {
      const placed = { ...entry, offset, length };
      offset += length;
      return placed;
    });
    try {
      await this.#file.append(records.flatMap((record) => record.parts));
    } catch (thrown) {
      this.#failed ??= { thrown };
      await this.#file.cutBack(before).catch(() => {});
      throw thrown;
    }
    this.#durable = this.#makeDurable(entries, this.#file.length, this.#durable);
    // Whoever added the group hears of it; the next group may never come.
    this.#durable.catch(() => {});
    return { entries, durable: this.#durable };
  }

  async #makeDurable(entries: PackEntry[], end: number, before: Promise<void>): Promise<void> {
    try {
      const outcomes = await Promise.allSettled([before, this.#file.sync()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    } catch (thrown) {
      this.#failed ??= { thrown };
      await this.#inTurn(() => this.#file.cutBack(this.#durableLength)).catch(() => {});
      throw thrown;
    }
    this.#durableLength = end;
    for (const entry of entries) this.#entries.push(entry);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Resolves when every group added is durable or has failed. */
  async settled(): Promise<void> {
    await this.#turn;
    await this.#durable.catch(() => {});
  }

  /** Writes the footer and publishes. Returns the final name. On failure all records stay readable under `name`. */
  async finish(): Promise<string> {
    await this.settled();
    const name = packName(this.header.packId);
    await this.#inTurn(async () => {
      await this.#file.append([encodeFooter(this.header, this.#entries, this.#file.length)]);
      await this.#file.publish(name);
    });
    return name;
  }

  /** Gives up a pack that holds nothing. */
  async discard(): Promise<void> {
    await this.#file.discard();
  }

  /** Unless it was finished, it stays as it is, for the next opening of the repository to salvage. */
  async close(): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}
