import { Failure } from '@sealift/core';
import type { Store } from './store.ts';

/** Numbers tried; a failed attempt may have taken one or two. */
const ATTEMPTS = 100;

/** Publishes under the first free number from `first` on, and returns it. */
export async function publishNumbered(
  store: Store,
  nameOf: (number: number) => string,
  first: number,
  bytes: Buffer,
): Promise<number> {
  for (let number = first; ; number++) {
    try {
      await store.publish(nameOf(number), bytes);
      return number;
    } catch (thrown) {
      const taken = thrown instanceof Failure && thrown.code === 'file-exists';
      if (!taken || number >= first + ATTEMPTS) throw thrown;
    }
  }
}
