import { putInPlace } from '../store/put-in-place.ts';
import type { RepairHost } from './host.ts';

/** Puts a whole, durable file in the place of a damaged one, in one step, while the repository is still the own one. */
export async function replaceFile({ store, confirmLease }: RepairHost, name: string, bytes: Buffer): Promise<void> {
  await confirmLease();
  await putInPlace(store, name, bytes);
}
