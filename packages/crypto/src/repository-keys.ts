import { type KeyObject, randomBytes } from 'node:crypto';
import { unwrapSecret, WRAP_OVERHEAD, type WrapContext, wrapSecret } from './gcm-wrap.ts';
import { type RunKey, runKeyFrom } from './keys.ts';
import { label } from './labels.ts';
import { hashPassword, type KdfParameters } from './password.ts';
import { hkdf, hmacSha256, type Key, takeKey } from './primitives.ts';
import { openMessage, sealMessage } from './sealed-message.ts';
import { X_WING_CIPHERTEXT_LENGTH, X_WING_PUBLIC_LENGTH, xWingKeyPairFromSeed } from './x-wing.ts';

/*
 * Keys of a repository that is encrypted at rest. RMK, random, seals the data. Each slot key (32 bytes: Argon2id of a
 * password, a key file, or what a key management service unwraps) is the seed of an X-Wing pair, and RMK is sealed to
 * its public half. So a new RMK reaches every slot although nobody has the slots' passwords at hand, and a slot that was
 * removed before opens none that is made after.
 */

const NO_SALT = Buffer.alloc(0);
const MASTER_LENGTH = 32;
const SLOT_PURPOSE = 'slot';

/** Bytes of the public half of a slot. */
export const SLOT_PUBLIC_LENGTH = X_WING_PUBLIC_LENGTH;
/** Bytes of a master key sealed to a slot: KEM ciphertext, key, tag. */
export const SEALED_MASTER_LENGTH = X_WING_CIPHERTEXT_LENGTH + MASTER_LENGTH + 16;

/** Bytes of a secret of 32 bytes under RMK: nonce, ciphertext, tag. */
export const WRAPPED_SECRET_LENGTH = MASTER_LENGTH + WRAP_OVERHEAD;

/** A new RMK. */
export function createMasterKey(): Buffer {
  return randomBytes(MASTER_LENGTH);
}

/** The key of a password slot. Takes about a second and 256 MiB, on the thread pool. */
export function slotKeyFromPassword(password: string, slot: { salt: Buffer; kdf: KdfParameters }): Promise<Buffer> {
  return hashPassword(password, slot.salt, slot.kdf);
}

/** The public half of a slot, 1216 bytes. */
export function slotPublicKey(slotKey: Buffer): Buffer {
  return slotPair(slotKey).publicKey;
}

/** RMK for one slot; `slotHeader` is everything the table says of the slot, so that it cannot be passed off as another. */
export function sealMasterKey(publicKey: Buffer, masterKey: Buffer, slotHeader: Buffer): Buffer {
  return sealMessage(publicKey, masterKey, { purpose: SLOT_PURPOSE, context: slotHeader });
}

/** Undefined when it does not open. */
export function openMasterKey(slotKey: Buffer, sealed: Buffer, slotHeader: Buffer): Buffer | undefined {
  if (sealed.length !== SEALED_MASTER_LENGTH) return undefined;
  return openMessage(slotPair(slotKey), sealed, { purpose: SLOT_PURPOSE, context: slotHeader });
}

/** KCV of a slot, public: tells a wrong key from a damaged table. `slotId` is its 16 bytes. */
export function slotCheckValue(slotKey: Buffer, slotId: Buffer): Buffer {
  return hkdf(slotKey, slotId, label('slot-kcv'));
}

/** MAC of the slot table under RMK, 32 bytes. */
export function masterKeyMac(masterKey: Buffer, bytes: Buffer): Buffer {
  return hmacSha256(takeKey(hkdf(masterKey, NO_SALT, label('slot-table-mac'))), bytes);
}

/** What the key of a KMS slot is bound to at the service; `slotId` is its 16 bytes. */
export function slotKeyWrapContext(slotId: Buffer): WrapContext {
  return { purpose: 'slot-key', domainId: slotId, epoch: 0 };
}

/** What is wrapped under a master key: of which repository and epoch, and what for. */
export interface MasterWrapContext {
  /** Lower-case letters and hyphens. */
  purpose: string;
  /** 16 bytes. */
  repositoryId: Buffer;
  epoch: number;
}

/** A secret of the repository, or an earlier RMK, under RMK: nonce, ciphertext, tag. */
export function wrapUnderMaster(masterKey: Buffer, secret: Buffer, context: MasterWrapContext): Buffer {
  const { purpose, repositoryId, epoch } = context;
  return wrapSecret(masterWrapKey(masterKey), secret, { purpose, domainId: repositoryId, epoch });
}

/** Undefined when it does not verify. */
export function unwrapUnderMaster(masterKey: Buffer, wrapped: Buffer, context: MasterWrapContext): Buffer | undefined {
  const { purpose, repositoryId, epoch } = context;
  return unwrapSecret(masterWrapKey(masterKey), wrapped, { purpose, domainId: repositoryId, epoch });
}

/** RK of one session that writes to the repository: HKDF(RMK, runSalt, L("repo-run")). */
export function repositoryRunKey(
  masterKey: Key,
  { repositoryId, epoch, runSalt }: { repositoryId: Buffer; epoch: number; runSalt: Buffer },
): RunKey {
  const key = takeKey(hkdf(masterKey, runSalt, label('repo-run')));
  return runKeyFrom(key, { domainId: repositoryId, epoch, runSalt });
}

function slotPair(slotKey: Buffer) {
  return xWingKeyPairFromSeed(hkdf(slotKey, NO_SALT, label('slot-seed')));
}

function masterWrapKey(masterKey: Buffer): KeyObject {
  return takeKey(hkdf(masterKey, NO_SALT, label('repo-wrap')));
}
