import { uuidBytes } from '@sealift/crypto';
import type { RepositoryEncryption } from '@sealift/repository';
import type { ControlHandlers, RepositoryState } from '@sealift/wire';
import { fail } from '../failures.ts';
import { KeyChallenges } from '../sessions/key-challenges.ts';
import type { Repositories } from '../sessions/repositories.ts';
import { slotFrom } from '../sessions/repository-keys.ts';

type Answer = Parameters<KeyChallenges['answer']>[0];

/** What a target does for the Director with repositories that are encrypted at rest. */
export function keyHandlers(repositories: Repositories): ControlHandlers {
  const challenges = new KeyChallenges();
  const change = (id: string, work: (encryption: RepositoryEncryption) => Promise<void>): Promise<RepositoryState> =>
    repositories.change(id, ({ encryption }) => {
      if (encryption !== undefined) return work(encryption);
      throw fail('repository-not-encrypted', `The repository ${id} is not encrypted at rest.`);
    });
  return {
    'repository.challenge': () => challenges.create(),
    'repository.create': ({ name, path, encryption }) => {
      if (encryption === undefined) return repositories.create(name, path);
      return withKey(challenges, encryption, (slotKey) =>
        repositories.create(name, path, { slot: slotFrom(encryption.slot), slotKey }),
      );
    },
    'repository.unlock': ({ repositoryId, slotId, ...answer }) =>
      withKey(challenges, answer, (slotKey) =>
        change(repositoryId, async (encryption) => encryption.unlock(uuidBytes(slotId), slotKey)),
      ),
    'repository.add-slot': ({ repositoryId, slot, ...answer }) =>
      withKey(challenges, answer, (slotKey) =>
        change(repositoryId, (encryption) => encryption.addSlot(slotFrom(slot), slotKey)),
      ),
    'repository.remove-slot': ({ repositoryId, slotId }) =>
      change(repositoryId, (encryption) => encryption.removeSlot(uuidBytes(slotId))),
  };
}

/** The slot key lives as long as the work with it. */
async function withKey<T>(
  challenges: KeyChallenges,
  answer: Answer,
  work: (slotKey: Buffer) => Promise<T>,
): Promise<T> {
  const slotKey = challenges.answer(answer);
  try {
    return await work(slotKey);
  } finally {
    slotKey.fill(0);
  }
}
