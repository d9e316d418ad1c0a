import type { RepairHost } from './host.ts';

/** Puts a whole, durable file in the place of a damaged one, in one step. */
export async function replaceFile({ store, confirmLease }: RepairHost, name: string, bytes: Buffer): Promise<void> {
  await confirmLease();
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
