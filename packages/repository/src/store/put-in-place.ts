import type { Store } from './store.ts';

/** Gives a name a whole, durable file in one step, whatever it had before. */
export async function putInPlace(store: Store, name: string, bytes: Buffer): Promise<void> {
  const file = await store.grow(`${crypto.randomUUID()}.tmp`);
  try {
    await file.append([bytes]);
    await file.publish(name);
  } catch (thrown) {
    await file.discard();
    throw thrown;
  }
  await file[Symbol.asyncDispose]();
}
