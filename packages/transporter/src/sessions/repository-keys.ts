import { uuidBytes, uuidText } from '@sealift/crypto';
import type { EncryptionState, Repository, SlotDescription } from '@sealift/repository';
import type { KeySlot, RepositoryKeys, RepositoryState } from '@sealift/wire';

/** A repository as the Director is told of it. */
export type ToldRepository = RepositoryState;

export function tell(repository: Repository): ToldRepository {
  const told = { repositoryId: repository.id, stats: repository.stats() };
  return repository.encryption === undefined ? told : { ...told, keys: keysOf(repository.encryption.state) };
}

/** The slot as the repository stores it. */
export function slotFrom({ slotId, kind, label, kdf, kms }: KeySlot): SlotDescription {
  const how = kdf === undefined ? {} : { kdf: { name: 'argon2id', ...kdf } as const };
  return { id: uuidBytes(slotId), kind, label, ...how, ...(kms === undefined ? {} : { kms }) };
}

function keysOf({ locked, epoch, earlier, slots }: EncryptionState): RepositoryKeys {
  return { locked, epoch, earlier, slots: slots.map(slotTold) };
}

function slotTold({ id, kind, label, kdf, kms }: SlotDescription): KeySlot {
  const slot = { slotId: uuidText(id), kind, label };
  if (kms !== undefined) return { ...slot, kms };
  if (kdf === undefined) return slot;
  const { memoryKiB, passes, lanes, salt } = kdf;
  return { ...slot, kdf: { memoryKiB, passes, lanes, salt } };
}
