import { randomUUID } from 'node:crypto';
import { Failure } from '@sealift/core';
import { createTaskKeyPair, openSecret, type TaskKeyPair } from '@sealift/crypto';
import { type ControlHandlers, type KeySlot, type Params, type Result, slotKeyContext } from '@sealift/wire';
import { STATS } from './scripted-transporter.ts';

interface Held {
  locked: boolean;
  slots: KeySlot[];
  /** The key of each slot, as it was given. */
  keys: Map<string, string>;
}

/** What a scripted target says of repositories that are encrypted at rest. It remembers every slot key it was given. */
export class KeyedTarget {
  readonly repositories = new Map<string, Held>();
  /** Slots it was given a key of when asked to unlock. */
  readonly unlocked: { repositoryId: string; slotId: string }[] = [];
  /** Thrown instead of giving a challenge. */
  outage: Failure | undefined;
  readonly #pairs = new Map<string, TaskKeyPair>();

  lock(): void {
    for (const held of this.repositories.values()) held.locked = true;
  }

  handlers(): ControlHandlers {
    return {
      'repository.challenge': () => this.#challenge(),
      'repository.create': (params) => this.create(params),
      'repository.open': ({ repositoryId }) => this.state(repositoryId),
      'repository.stats': ({ repositoryId }) => this.state(repositoryId),
      'repository.unlock': ({ repositoryId, slotId, ...answer }) => this.#unlock(repositoryId, slotId, answer),
      'repository.add-slot': ({ repositoryId, slot, ...answer }) => {
        const held = this.held(repositoryId);
        held.slots.push(slot);
        held.keys.set(slot.slotId, this.#open(answer));
        return this.state(repositoryId);
      },
      'repository.remove-slot': ({ repositoryId, slotId }) => {
        const held = this.held(repositoryId);
        held.slots = held.slots.filter((slot) => slot.slotId !== slotId);
        return this.state(repositoryId);
      },
    };
  }

  create({ repositoryId = randomUUID(), encryption }: Params<'repository.create'>): Result<'repository.create'> {
    if (encryption === undefined) return { repositoryId, stats: STATS };
    const { slot, ...answer } = encryption;
    const keys = new Map([[slot.slotId, this.#open(answer)]]);
    this.repositories.set(repositoryId, { locked: false, slots: [slot], keys });
    return this.state(repositoryId);
  }

  state(repositoryId: string): Result<'repository.stats'> {
    const held = this.repositories.get(repositoryId);
    if (held === undefined) return { repositoryId, stats: STATS };
    return { repositoryId, stats: STATS, keys: { locked: held.locked, epoch: 1, earlier: [], slots: held.slots } };
  }

  held(repositoryId: string): Held {
    const held = this.repositories.get(repositoryId);
    if (held === undefined) throw new Failure('not-encrypted', 'refused', `no keys of ${repositoryId}`);
    return held;
  }

  #challenge(): Result<'repository.challenge'> {
    if (this.outage !== undefined) throw this.outage;
    const [challengeId, pair] = [randomUUID(), createTaskKeyPair()];
    this.#pairs.set(challengeId, pair);
    return { challengeId, publicKey: pair.publicKey };
  }

  #unlock(repositoryId: string, slotId: string, answer: { challengeId: string; sealedKey: Buffer }) {
    this.unlocked.push({ repositoryId, slotId });
    const held = this.held(repositoryId);
    if (held.keys.get(slotId) !== this.#open(answer)) {
      throw new Failure('wrong-repository-key', 'refused', `this does not open the slot ${slotId}`);
    }
    held.locked = false;
    return this.state(repositoryId);
  }

  #open({ challengeId, sealedKey }: { challengeId: string; sealedKey: Buffer }): string {
    const pair = this.#pairs.get(challengeId);
    if (pair === undefined) throw new Failure('challenge-unknown', 'retry', challengeId);
    return openSecret(pair, sealedKey, slotKeyContext(challengeId)).toString('hex');
  }
}
