import { fail } from '../failures.ts';
import type { CollectReport, Resealing } from '../upkeep/collection.ts';
import type { RepositoryEncryption } from './repository-encryption.ts';
import { resealing } from './resealing.ts';

/** What a rotation needs of the open repository. */
export interface RotationHost {
  encryption: RepositoryEncryption | undefined;
  location: string;
  /** A collection that rewrites what this concerns. */
  collect(resealing: Resealing): Promise<CollectReport>;
  /** Numbers of the master keys under which something is sealed, or being sealed by a running session. */
  epochsInUse(): Set<number>;
}

export interface Rotation {
  /** Number of the master key now in use. */
  epoch: number;
  /** Master keys still needed, for sessions that were running; the next rotation or collection of this kind ends them. */
  earlier: number[];
  collected: CollectReport;
}

/**
 * A new master key, and everything sealed anew under it, while backups and restores go on. `resumed`: goes on with the
 * rotation that is under way. Earlier keys are erased once nothing is sealed under them; cut off at any time, everything
 * stays readable.
 */
export async function rotateMasterKey(host: RotationHost, { resumed }: { resumed: boolean }): Promise<Rotation> {
  const { encryption } = host;
  if (encryption === undefined) {
    throw fail('not-encrypted', `The repository in ${host.location} is not encrypted at rest.`);
  }
  if (!resumed || encryption.state.earlier.length === 0) await encryption.rotate();
  const collected = await host.collect(resealing(encryption));
  await encryption.retainMasterKeys(host.epochsInUse);
  const { epoch, earlier } = encryption.state;
  return { epoch, earlier, collected };
}
