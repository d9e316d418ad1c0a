import { randomBytes } from 'node:crypto';
import { type DomainDescriptor, describeDomain, descriptorIntact, encodeDescriptor } from './descriptor.ts';
import { fail } from './failures.ts';
import { unwrapSecret, wrapSecret } from './gcm-wrap.ts';
import { type ChunkKeys, chunkKeysFromSecret, type DomainKeys, deriveRunKey, domainKeys, type RunKey } from './keys.ts';
import { DEFAULT_KDF, hashPassword, type KdfParameters, SALT_LENGTH } from './password.ts';
import { KEY_LENGTH, sameSecret } from './primitives.ts';
import { newUuidBytes, uuidText } from './uuid.ts';

const FIRST_EPOCH = 1;
const DEDUP_SECRET_PURPOSE = 'dds';

/** An encryption domain whose password is known: makes the keys of its runs. */
export interface OpenDomain {
  /** 16 bytes. */
  readonly domainId: Buffer;
  readonly epoch: number;
  readonly chunkKeys: ChunkKeys;
  /** The key of a run made in this epoch; a restore compares it with the recorded commitment by checkRun. */
  runKey(runSalt: Buffer, epoch: number): RunKey;
  /** A key for one new run. */
  newRun(): RunKey;
}

/** A new domain with this password. `passwordHash` (PH, 32 bytes) is as secret as the password. */
export async function createDomain(
  password: string,
  kdf: KdfParameters = DEFAULT_KDF,
): Promise<{ passwordHash: Buffer; descriptor: Buffer }> {
  const [domainId, salt] = [newUuidBytes(), randomBytes(SALT_LENGTH)];
  const passwordHash = await hashPassword(password, salt, kdf);
  const keys = domainKeys(passwordHash, domainId, FIRST_EPOCH);
  const dedupSecret = randomBytes(KEY_LENGTH);
  const context = { purpose: DEDUP_SECRET_PURPOSE, domainId, epoch: FIRST_EPOCH };
  const wrappedDedupSecret = wrapSecret(keys.wrapKey, dedupSecret, context);
  dedupSecret.fill(0);
  const { checkValue } = keys;
  const descriptor: DomainDescriptor = {
    domainId,
    epoch: FIRST_EPOCH,
    kdf,
    salt,
    checkValue,
    wrappedDedupSecret,
    kmsWraps: [],
  };
  return { passwordHash, descriptor: encodeDescriptor(descriptor, keys.macKey) };
}

/** PH from the password and the salt of a descriptor. Takes about a second and 256 MiB, on the thread pool. */
export function derivePasswordHash(password: string, descriptor: Buffer): Promise<Buffer> {
  const { salt, kdf } = describeDomain(descriptor);
  return hashPassword(password, salt, kdf);
}

/** Opens a domain; a wrong password and a damaged descriptor are different failures. */
export function openDomain(passwordHash: Buffer, descriptor: Buffer): OpenDomain {
  const described = describeDomain(descriptor);
  const keys = domainKeys(passwordHash, described.domainId, described.epoch);
  const name = uuidText(described.domainId);
  if (!sameSecret(keys.checkValue, described.checkValue)) {
    throw fail('wrong-password', `This is not the password of encryption domain ${name}, epoch ${described.epoch}.`);
  }
  const dedupSecret = descriptorIntact(descriptor, keys.macKey) ? unwrapDedupSecret(described, keys) : undefined;
  if (dedupSecret === undefined) {
    throw fail('descriptor-damaged', `The password is right, but the descriptor of domain ${name} was changed.`);
  }
  const chunkKeys = chunkKeysFromSecret(dedupSecret);
  dedupSecret.fill(0);
  return opened(described, keys, chunkKeys);
}

function unwrapDedupSecret({ domainId, epoch, wrappedDedupSecret }: DomainDescriptor, keys: DomainKeys) {
  return unwrapSecret(keys.wrapKey, wrappedDedupSecret, { purpose: DEDUP_SECRET_PURPOSE, domainId, epoch });
}

function opened({ domainId, epoch }: DomainDescriptor, { domainKey }: DomainKeys, chunkKeys: ChunkKeys): OpenDomain {
  return {
    domainId,
    epoch,
    chunkKeys,
    runKey: (runSalt, runEpoch) => {
      if (runEpoch !== epoch) {
        const message = `A run of epoch ${runEpoch} cannot be opened with the password of epoch ${epoch}.`;
        throw fail('epoch-mismatch', message);
      }
      return deriveRunKey(domainKey, { domainId, epoch, runSalt });
    },
    newRun: () => deriveRunKey(domainKey, { domainId, epoch, runSalt: randomBytes(SALT_LENGTH) }),
  };
}
