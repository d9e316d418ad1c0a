import { randomBytes } from 'node:crypto';
import {
  type DomainDescriptor,
  describeDomain,
  descriptorIntact,
  encodeDescriptor,
  type KmsWrap,
} from './descriptor.ts';
import { fail } from './failures.ts';
import { unwrapSecret, wrapSecret } from './gcm-wrap.ts';
import { type ChunkKeys, chunkKeysFromSecret, type DomainKeys, deriveRunKey, domainKeys, type RunKey } from './keys.ts';
import { DEFAULT_KDF, hashPassword, type KdfParameters, SALT_LENGTH } from './password.ts';
import { KEY_LENGTH, sameSecret } from './primitives.ts';
import { newUuidBytes, uuidText } from './uuid.ts';

const FIRST_EPOCH = 1;
const DEDUP_SECRET_PURPOSE = 'dds';
const LINK_PURPOSE = 'previous-ph';

/** An encryption domain whose password is known: makes the keys of its runs. */
export interface OpenDomain {
  /** 16 bytes. */
  readonly domainId: Buffer;
  readonly epoch: number;
  readonly chunkKeys: ChunkKeys;
  /** The key of a run of this or a linked earlier epoch; a restore compares it with its commitment by checkRun. */
  runKey(runSalt: Buffer, epoch: number): RunKey;
  /** A key for one new run. */
  newRun(): RunKey;
}

/** What a password gives for one epoch of a domain. `passwordHash` (PH, 32 bytes) is as secret as the password. */
export interface DomainSecret {
  passwordHash: Buffer;
  descriptor: Buffer;
}

/** A new domain with this password, its dedup secret fresh: nothing leads from another domain to it. */
export async function createDomain(password: string, kdf: KdfParameters = DEFAULT_KDF): Promise<DomainSecret> {
  const dedupSecret = randomBytes(KEY_LENGTH);
  try {
    const start = { domainId: newUuidBytes(), epoch: FIRST_EPOCH, dedupSecret, earlier: [] };
    return await nextEpoch(password, kdf, start);
  } finally {
    dedupSecret.fill(0);
  }
}

/**
 * Another password for the same domain. Deduplication goes on, for the dedup secret stays, and the new password opens
 * older recovery points too, for every earlier PH is wrapped under it. After a compromise make a new domain instead.
 */
export async function rotateDomain(
  passwordHash: Buffer,
  descriptor: Buffer,
  newPassword: string,
  kdf: KdfParameters = DEFAULT_KDF,
): Promise<DomainSecret> {
  const { described, keys, dedupSecret } = unlock(passwordHash, descriptor);
  const linked = described.previous.map((link) => ({ epoch: link.epoch, hash: openLink(described, keys, link) }));
  const earlier = [{ epoch: described.epoch, hash: Buffer.from(passwordHash) }, ...linked];
  try {
    const { domainId, epoch } = described;
    return await nextEpoch(newPassword, kdf, { domainId, epoch: epoch + 1, dedupSecret, earlier });
  } finally {
    for (const secret of [dedupSecret, ...earlier.map(({ hash }) => hash)]) secret.fill(0);
  }
}

interface EpochStart {
  domainId: Buffer;
  epoch: number;
  dedupSecret: Buffer;
  /** PH of every epoch before, newest first. */
  earlier: { epoch: number; hash: Buffer }[];
}

async function nextEpoch(password: string, kdf: KdfParameters, start: EpochStart): Promise<DomainSecret> {
  const { domainId, epoch, dedupSecret, earlier } = start;
  const salt = randomBytes(SALT_LENGTH);
  const passwordHash = await hashPassword(password, salt, kdf);
  const { checkValue, wrapKey, macKey } = domainKeys(passwordHash, domainId, epoch);
  const wrappedDedupSecret = wrapSecret(wrapKey, dedupSecret, { purpose: DEDUP_SECRET_PURPOSE, domainId, epoch });
  const previous = earlier.map((link) => ({
    epoch: link.epoch,
    wrappedPasswordHash: wrapSecret(wrapKey, link.hash, { purpose: LINK_PURPOSE, domainId, epoch: link.epoch }),
  }));
  const descriptor = { domainId, epoch, kdf, salt, checkValue, wrappedDedupSecret, previous, kmsWraps: [] };
  return { passwordHash, descriptor: encodeDescriptor(descriptor, macKey) };
}

/** The descriptor with these KMS wraps of its PH in place of those it had, authenticated anew. */
export function withKmsWraps(passwordHash: Buffer, descriptor: Buffer, kmsWraps: KmsWrap[]): Buffer {
  const { described, keys, dedupSecret } = unlock(passwordHash, descriptor);
  dedupSecret.fill(0);
  return encodeDescriptor({ ...described, kmsWraps }, keys.macKey);
}

/** PH from the password and the salt of a descriptor. Takes about a second and 256 MiB, on the thread pool. */
export function derivePasswordHash(password: string, descriptor: Buffer): Promise<Buffer> {
  const { salt, kdf } = describeDomain(descriptor);
  return hashPassword(password, salt, kdf);
}

/** PH if this is the password of the descriptor. */
export async function passwordMatches(password: string, descriptor: Buffer): Promise<Buffer | undefined> {
  const passwordHash = await derivePasswordHash(password, descriptor);
  if (hashMatches(passwordHash, descriptor)) return passwordHash;
  passwordHash.fill(0);
  return undefined;
}

/** Whether this is the PH of the descriptor, by its check value. */
export function hashMatches(passwordHash: Buffer, descriptor: Buffer): boolean {
  const { domainId, epoch, checkValue } = describeDomain(descriptor);
  return sameSecret(domainKeys(passwordHash, domainId, epoch).checkValue, checkValue);
}

/** Opens a domain; a wrong password and a damaged descriptor are different failures. */
export function openDomain(passwordHash: Buffer, descriptor: Buffer): OpenDomain {
  const { described, keys, dedupSecret } = unlock(passwordHash, descriptor);
  const chunkKeys = chunkKeysFromSecret(dedupSecret);
  dedupSecret.fill(0);
  return opened(described, keys, chunkKeys);
}

interface Unlocked {
  described: DomainDescriptor;
  keys: DomainKeys;
  /** To be erased by the caller. */
  dedupSecret: Buffer;
}

function unlock(passwordHash: Buffer, descriptor: Buffer): Unlocked {
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
  return { described, keys, dedupSecret };
}

function unwrapDedupSecret({ domainId, epoch, wrappedDedupSecret }: DomainDescriptor, keys: DomainKeys) {
  return unwrapSecret(keys.wrapKey, wrappedDedupSecret, { purpose: DEDUP_SECRET_PURPOSE, domainId, epoch });
}

/** PH of an earlier epoch. */
function openLink({ domainId }: DomainDescriptor, { wrapKey }: DomainKeys, link: DomainDescriptor['previous'][number]) {
  const context = { purpose: LINK_PURPOSE, domainId, epoch: link.epoch };
  const hash = unwrapSecret(wrapKey, link.wrappedPasswordHash, context);
  if (hash !== undefined) return hash;
  const name = uuidText(domainId);
  throw fail('descriptor-damaged', `The link of domain ${name} to its epoch ${link.epoch} does not open.`);
}

function opened(described: DomainDescriptor, keys: DomainKeys, chunkKeys: ChunkKeys): OpenDomain {
  const { domainId, epoch } = described;
  const keysOf = new Map([[epoch, keys.domainKey]]);
  for (const link of described.previous) {
    const hash = openLink(described, keys, link);
    keysOf.set(link.epoch, domainKeys(hash, domainId, link.epoch).domainKey);
    hash.fill(0);
  }
  return {
    domainId,
    epoch,
    chunkKeys,
    runKey: (runSalt, runEpoch) => {
      const domainKey = keysOf.get(runEpoch);
      if (domainKey !== undefined) return deriveRunKey(domainKey, { domainId, epoch: runEpoch, runSalt });
      const message = `A run of epoch ${runEpoch} cannot be opened with the password of epoch ${epoch}.`;
      throw fail('epoch-mismatch', message);
    },
    newRun: () => deriveRunKey(keys.domainKey, { domainId, epoch, runSalt: randomBytes(SALT_LENGTH) }),
  };
}
