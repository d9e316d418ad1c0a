import { toFailure } from '@sealift/core';
import { type KeyWrapper, slotKeyFromPassword, slotKeyWrapContext } from '@sealift/crypto';
import type { RepositoryEncryption, SlotDescription } from '@sealift/repository';
import { fail } from './failures.ts';

/** Unlocks a repository that is encrypted at rest, or fails. */
export type Unlock = (encryption: RepositoryEncryption) => Promise<void>;

/** Tries a password on each password slot; a slot of any other kind is left alone. */
export function unlockFromPassword(password: () => Promise<string>): Unlock {
  return async (encryption) => {
    const slots = encryption.state.slots.filter(({ kind }) => kind === 'password');
    const text = await password();
    for (const { id, kdf } of slots) {
      if (kdf !== undefined && opens(encryption, id, await slotKeyFromPassword(text, { salt: kdf.salt, kdf }))) return;
    }
    throw fail(
      'repository-key-missing',
      `The password opens none of the ${slots.length} password slots of the repository.`,
    );
  };
}

/** Tries the key of a key file on each slot of that kind. */
export function unlockFromKeyFile(slotKey: Buffer): Unlock {
  return async (encryption) => {
    const slots = encryption.state.slots.filter(({ kind }) => kind === 'keyfile');
    if (slots.some(({ id }) => opens(encryption, id, slotKey))) return;
    throw fail(
      'repository-key-missing',
      `The key file opens none of the ${slots.length} key file slots of the repository.`,
    );
  };
}

/** False for a key that is not that of the slot. */
function opens(encryption: RepositoryEncryption, slotId: Buffer, slotKey: Buffer): boolean {
  try {
    encryption.unlock(slotId, slotKey);
    return true;
  } catch (thrown) {
    if (toFailure(thrown).code !== 'wrong-repository-key') throw thrown;
    return false;
  }
}

/** Has each key management service unwrap the slots that it made; what a slot names only selects among them. */
export function unlockFromKms(wrappers: KeyWrapper[]): Unlock {
  return async (encryption) => {
    const failures: unknown[] = [];
    for (const slot of encryption.state.slots) {
      const wrapper = wrappers.find((one) => one.provider === slot.kms?.provider && one.keyRef === slot.kms.keyRef);
      // Where one does not open, another slot may, by another service.
      const opened =
        wrapper && (await opensBy(wrapper, encryption, slot).catch((thrown) => void failures.push(thrown)));
      if (opened === true) return;
    }
    if (failures.length > 0) throw failures[0];
    throw fail(
      'repository-key-missing',
      'None of the key management services given has made a slot of the repository.',
    );
  };
}

async function opensBy(
  wrapper: KeyWrapper,
  encryption: RepositoryEncryption,
  { id, kms }: SlotDescription,
): Promise<boolean> {
  if (kms === undefined) return false;
  return opens(encryption, id, await wrapper.unwrap(kms.ciphertext, slotKeyWrapContext(id)));
}
