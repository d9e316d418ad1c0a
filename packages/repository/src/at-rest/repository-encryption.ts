import { toFailure } from '@sealift/core';
import { type ChunkType, parseChunkHeader, type RunKey, unsealChunk, uuidText } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { type DecodedKeyTable, decodeKeyTable, type KeySlot, type SlotDescription } from '../format/key-table.ts';
import type { Store } from '../store/store.ts';
import { newestGeneration, publishKeyTable, removeTables } from './key-table-file.ts';
import { MasterKeys } from './master-keys.ts';

/** What may be told of a repository's keys to anybody. */
export interface EncryptionState {
  locked: boolean;
  /** Number of the present master key, from 1. */
  epoch: number;
  /** Earlier master keys that data is still sealed under. */
  earlier: number[];
  slots: SlotDescription[];
}

/** What a repository that is encrypted at rest needs of its surroundings. */
export interface EncryptionHost {
  store: Store;
  /** Throws unless this program may write. */
  confirmWritable(): Promise<void>;
}

/**
 * Encryption at rest of one open repository: locked until the key of a slot is given. In-flight chunks, of the repository's
 * own zone and of foreign ones, are sealed by the container that source-side chunks use; others are ciphertext already.
 */
export class RepositoryEncryption {
  readonly #host: EncryptionHost;
  #table: DecodedKeyTable;
  #keys: MasterKeys | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: EncryptionHost, table: DecodedKeyTable) {
    this.#host = host;
    this.#table = table;
  }

  get locked(): boolean {
    return this.#keys === undefined;
  }

  get state(): EncryptionState {
    const { epoch, earlier, slots } = this.#table;
    return { locked: this.locked, epoch, earlier: earlier.map((key) => key.epoch), slots: slots.map(describe) };
  }

  /** Keys the ids of in-flight chunks, 32 bytes. @throws Failure `repository-locked` */
  get dedupSecret(): Buffer {
    return this.#unlocked().dedupSecret;
  }

  /** Keys the ids of chunks that were copied from another repository; undefined where none ever were. @throws Failure `repository-locked` */
  zoneSecret(zone: Buffer): Buffer | undefined {
    return this.#unlocked().zoneSecret(zone);
  }

  /** @throws Failure `wrong-repository-key`, `key-slot-unknown`, or `key-table-damaged` */
  unlock(slotId: Buffer, slotKey: Buffer): void {
    const keys = MasterKeys.open(this.#table, slotId, slotKey);
    // One that is unlocked goes on with the keys it has: a change of slots may be using them.
    if (this.#keys === undefined) this.#keys = keys;
    else keys.erase();
  }

  /** Forgets the keys. */
  lock(): void {
    this.#keys?.erase();
    this.#keys = undefined;
  }

  /** The key under which a session that writes seals its chunks, by `sealInner`. */
  newRun(): RunKey {
    return this.#unlocked().newRun();
  }

  /** The inner of a stored in-flight chunk. */
  unseal(chunk: { type: ChunkType; id: Buffer }, body: Buffer): Buffer {
    const keys = this.#unlocked();
    try {
      const { epoch } = parseChunkHeader(body);
      if (epoch > keys.epoch) throw this.#rotatedSince();
      return unsealChunk(body, { ...chunk, runKey: (runSalt) => keys.runKey(runSalt, epoch) });
    } catch (thrown) {
      // Whatever is wrong with it, a version unknown or a run that never was, is damage of this chunk alone.
      const cause = toFailure(thrown);
      if (cause.code === 'key-table-outdated') throw cause;
      throw fail('format-damaged', cause.message, { cause });
    }
  }

  addSlot(description: SlotDescription, slotKey: Buffer): Promise<void> {
    return this.#change((keys) => {
      if (this.#table.slots.some(({ id }) => id.equals(description.id))) {
        throw fail('key-slot-exists', `The repository has a key slot ${uuidText(description.id)} already.`);
      }
      return { keys, slots: [...this.#table.slots, keys.slot(description, slotKey)] };
    });
  }

  /** A copy of the table that somebody took before opens with the removed key; rotate the master key after a leak. */
  removeSlot(slotId: Buffer): Promise<void> {
    return this.#change((keys) => {
      const slots = this.#table.slots.filter(({ id }) => !id.equals(slotId));
      if (slots.length === this.#table.slots.length) {
        throw fail('key-slot-unknown', `The repository has no key slot ${uuidText(slotId)}.`);
      }
      if (slots.length === 0) {
        throw fail('last-key-slot', 'The last key slot stays: without it nothing in the repository could be opened.');
      }
      return { keys, slots };
    });
  }

  /** Takes the zone of another repository in: its dedup secret, and that it is sealed here like the own one. */
  addZone(zone: Buffer, dedupSecret: Buffer): Promise<void> {
    return this.#change((keys) => ({ keys: keys.withZone(zone, dedupSecret), slots: this.#table.slots }));
  }

  /** A new master key for all that is written from now on. What was written before keeps its own until it is sealed anew. */
  rotate(): Promise<void> {
    return this.#change((keys) => {
      const rotated = keys.rotated();
      return { keys: rotated, slots: this.#table.slots.map((slot) => rotated.sealedTo(slot)) };
    });
  }

  /** Erases the earlier master keys that are not in use when its turn has come: nothing is sealed under them any more. */
  retainMasterKeys(inUse: () => ReadonlySet<number>): Promise<void> {
    return this.#change((keys) => ({ keys: keys.retaining(inUse()), slots: this.#table.slots }));
  }

  /** One change at a time; it counts once its table is durable. */
  #change(change: (keys: MasterKeys) => { keys: MasterKeys; slots: KeySlot[] }): Promise<void> {
    const turn = this.#last.then(async () => {
      await this.#host.confirmWritable();
      const before = this.#unlocked();
      const { keys, slots } = change(before);
      const bytes = await this.#publish(keys, slots);
      this.#table = decodeKeyTable(bytes);
      this.#keys = keys;
      if (keys !== before) before.erase();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** By the program that serves it, while this one has it open for reading. */
  #rotatedSince() {
    const { location } = this.#host.store;
    return fail('key-table-outdated', `The repository in ${location} has got a new master key since it was opened.`);
  }

  /** A copy that a failed change has left has a number of its own, and goes if it can. */
  async #publish(keys: MasterKeys, slots: KeySlot[]): Promise<Buffer> {
    const { store } = this.#host;
    const generation = Math.max(this.#table.generation, await newestGeneration(store)) + 1;
    const bytes = keys.encode(generation, slots);
    try {
      await publishKeyTable(store, generation, bytes);
    } catch (thrown) {
      await removeTables(store, (other) => other === generation).catch(() => {});
      throw thrown;
    }
    return bytes;
  }

  #unlocked(): MasterKeys {
    if (this.#keys !== undefined) return this.#keys;
    throw fail('repository-locked', `The repository in ${this.#host.store.location} is encrypted and locked.`);
  }
}

function describe({ id, kind, label, kdf, kms }: KeySlot): SlotDescription {
  return { id, kind, label, ...(kdf === undefined ? {} : { kdf }), ...(kms === undefined ? {} : { kms }) };
}
