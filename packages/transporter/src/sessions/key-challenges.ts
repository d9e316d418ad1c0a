import { randomUUID } from 'node:crypto';
import { createTaskKeyPair, openSecret, type TaskKeyPair } from '@sealift/crypto';
import { slotKeyContext } from '@sealift/wire';
import { fail } from '../failures.ts';

/** How long an answer may take, ms. */
const PATIENCE = 60_000;
/** Open challenges; the oldest makes room. */
const MOST_OPEN = 64;

/** Fresh key pairs, to each of which the Director seals one slot key: an answer opens once, here, within a minute. */
export class KeyChallenges {
  readonly #open = new Map<string, { pair: TaskKeyPair; until: number }>();

  create(): { challengeId: string; publicKey: Buffer } {
    const challengeId = randomUUID();
    const pair = createTaskKeyPair();
    this.#open.set(challengeId, { pair, until: Date.now() + PATIENCE });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST_OPEN && oldest !== undefined) this.#open.delete(oldest);
    return { challengeId, publicKey: pair.publicKey };
  }

  /** The slot key, 32 bytes, to be erased by the caller. */
  answer({ challengeId, sealedKey }: { challengeId: string; sealedKey: Buffer }): Buffer {
    const challenge = this.#open.get(challengeId);
    this.#open.delete(challengeId);
    if (challenge === undefined || Date.now() > challenge.until) {
      throw fail('key-answer-late', 'The key of a repository came to a question that was not asked, or long ago.');
    }
    return openSecret(challenge.pair, sealedKey, slotKeyContext(challengeId));
  }
}
