import { type KeyObject, randomBytes } from 'node:crypto';
import { unwrapSecret, wrapSecret } from './gcm-wrap.ts';
import { type RunKey, runKeyFrom } from './keys.ts';
import { label, labelled } from './labels.ts';
import { hashPassword, type KdfParameters } from './password.ts';
import { gcmOpen, gcmSeal, hkdf, hmacSha256, type Key, NONCE_LENGTH, takeKey } from './primitives.ts';

/*
 * Keys of a repository that is encrypted at rest. RMK, random, seals the data; each slot key (32 bytes: Argon2id of a
 * password, a key file, or what a key management service unwraps) opens one copy of RMK.
 */

const NO_SALT = Buffer.alloc(0);
const MASTER_LENGTH = 32;

/** Bytes of a wrapped master key: nonce, ciphertext, tag. */
export const WRAPPED_MASTER_LENGTH = NONCE_LENGTH + MASTER_LENGTH + 16;

/** A new RMK. */
export function createMasterKey(): Buffer {
  return randomBytes(MASTER_LENGTH);
}

/** The key of a password slot. Takes about a second and 256 MiB, on the thread pool. */
export function slotKeyFromPassword(password: string, slot: { salt: Buffer; kdf: KdfParameters }): Promise<Buffer> {
  return hashPassword(password, slot.salt, slot.kdf);
}

/** RMK for one slot; `slotHeader` is everything the table says of the slot, so that it cannot be passed off as another. */
export function wrapMasterKey(slotKey: Buffer, masterKey: Buffer, slotHeader: Buffer): Buffer {
  const nonce = randomBytes(NONCE_LENGTH);
  return Buffer.concat([nonce, gcmSeal(slotWrapKey(slotKey), nonce, slotAad(slotHeader), masterKey)]);
}

/** Undefined when it does not verify. */
export function unwrapMasterKey(slotKey: Buffer, wrapped: Buffer, slotHeader: Buffer): Buffer | undefined {
  if (wrapped.length !== WRAPPED_MASTER_LENGTH) return undefined;
  const [nonce, sealed] = [wrapped.subarray(0, NONCE_LENGTH), wrapped.subarray(NONCE_LENGTH)];
  return gcmOpen(slotWrapKey(slotKey), nonce, slotAad(slotHeader), sealed);
}

/** KCV of a slot, public: tells a wrong key from a damaged table. `slotId` is its 16 bytes. */
export function slotCheckValue(slotKey: Buffer, slotId: Buffer): Buffer {
  return hkdf(slotKey, slotId, label('slot-kcv'));
}

/** MAC of the slot table under RMK, 32 bytes. */
export function masterKeyMac(masterKey: Buffer, bytes: Buffer): Buffer {
  return hmacSha256(takeKey(hkdf(masterKey, NO_SALT, label('slot-table-mac'))), bytes);
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

function slotWrapKey(slotKey: Buffer): KeyObject {
  return takeKey(hkdf(slotKey, NO_SALT, label('slot-wrap')));
}

function masterWrapKey(masterKey: Buffer): KeyObject {
  return takeKey(hkdf(masterKey, NO_SALT, label('repo-wrap')));
}

function slotAad(slotHeader: Buffer): Buffer {
  return labelled('slot', slotHeader);
}
