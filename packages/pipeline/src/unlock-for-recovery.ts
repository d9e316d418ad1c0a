import { type Failure, toFailure } from '@sealift/core';
import { masterKey, openKeyWrapper } from '@sealift/crypto';
import { fail } from './failures.ts';
import { type KeyFile, namedServices, type OpenService, readKeyText, type WaysToKeys } from './recovery-services.ts';
import { type Unlock, unlockFromKeyFile, unlockFromKms, unlockFromPassword } from './unlock.ts';

/**
 * Unlocks a repository that is encrypted at rest without any Director: by a key file, by a service that has wrapped the
 * key of a slot, else from a password, which is asked for only where one of the slots has one.
 * @throws Failure `kms-config-invalid` at once for an address that is none; later `repository-key-missing`
 */
export function unlockForRecovery(ways: WaysToKeys): Unlock {
  const { keyFile } = ways;
  const attempts = [
    ...(keyFile === undefined ? [] : [byKeyFile(keyFile)]),
    ...namedServices(ways).map((open) => byService(open)),
  ];
  return async (encryption) => {
    for (const attempt of attempts) {
      const failure = await failureOf(attempt(encryption));
      if (failure === undefined) return;
      ways.onService?.(failure);
    }
    const { slots } = encryption.state;
    if (slots.some(({ kind }) => kind === 'password')) return await unlockFromPassword(ways.password)(encryption);
    const kinds = slots.map(({ kind, label }) => `${label} (${kind})`).join(', ');
    throw fail('repository-key-missing', `What was given opens none of the key slots of the repository: ${kinds}.`);
  };
}

async function failureOf(attempt: Promise<void>): Promise<Failure | undefined> {
  return await attempt.then(
    () => undefined,
    (thrown) => toFailure(thrown),
  );
}

/** As the key of a slot, else as that which has wrapped the key of one. */
function byKeyFile(file: KeyFile): Unlock {
  return async (encryption) => {
    const base64 = await readKeyText(file);
    const refusal = await failureOf(unlockFromKeyFile(masterKey(base64))(encryption));
    if (refusal === undefined) return;
    const asService = byService(() => openKeyWrapper({ provider: 'master-key', base64 }));
    if ((await failureOf(asService(encryption))) !== undefined) throw refusal;
  };
}

function byService(open: OpenService): Unlock {
  return async (encryption) => {
    await using wrapper = await open();
    await unlockFromKms([wrapper])(encryption);
  };
}
