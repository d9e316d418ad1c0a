import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  DEFAULT_KDF,
  masterKey,
  SALT_LENGTH,
  sealSecret,
  slotKeyFromPassword,
  slotKeyWrapContext,
  uuidBytes,
  uuidText,
} from '@sealift/crypto';
import { type KeySlot, type SlotRequest, slotKeyContext } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Session } from '../inventory/connections.ts';
import { estimateStrength, refuseWeak } from './strength.ts';
import type { Wrapped } from './wrapping.ts';

/** How long a target may take to answer about keys, ms. */
export const KEY_PATIENCE = 60_000;

/** A key slot that is being made. */
export interface NewSlot {
  slot: KeySlot;
  /** 32 bytes, to be erased once it was handed over. */
  slotKey: Buffer;
  /** What the Director keeps of it, to unlock with. */
  kept?: Wrapped;
}

/** The id of the first slot of a repository: the same for every request that repeats a creation. */
export function firstSlotId(creationId: string): string {
  const bytes = createHash('sha256').update(`sealift/v1/first-slot\0${creationId}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuidText(bytes);
}

/** The slot that was asked for, with its key: derived from a password, made for a service to wrap, or from a key file. */
export async function makeSlot(
  context: Context,
  repository: string,
  request: SlotRequest,
  slotId: string = randomUUID(),
): Promise<NewSlot> {
  if (request.kind === 'password') return await passwordSlot(context, repository, slotId, request);
  if (request.kind === 'kms') return await kmsSlot(context, slotId, request.label);
  return { slot: { slotId, kind: 'keyfile', label: request.label ?? 'key file' }, slotKey: masterKey(request.key) };
}

/** A slot key, sealed to a fresh key of the target so that nobody between reads it. */
export async function sealForTarget({ peer }: Session, slotKey: Buffer) {
  const { challengeId, publicKey } = await peer.call('repository.challenge', {}, AbortSignal.timeout(KEY_PATIENCE));
  return { challengeId, sealedKey: sealSecret(publicKey, slotKey, slotKeyContext(challengeId)) };
}

async function passwordSlot(
  context: Context,
  repository: string,
  slotId: string,
  request: Extract<SlotRequest, { kind: 'password' }>,
): Promise<NewSlot> {
  const { password, label = 'password', keep = 'hash', acceptWeak = false } = request;
  refuseWeak(await estimateStrength(password, [repository, 'sealift']), acceptWeak);
  const { memoryKiB, passes, lanes } = DEFAULT_KDF;
  const salt = randomBytes(SALT_LENGTH);
  const slot = { slotId, kind: 'password' as const, label, kdf: { memoryKiB, passes, lanes, salt } };
  const slotKey = await slotKeyFromPassword(password, { salt, kdf: DEFAULT_KDF });
  if (keep === 'never') return { slot, slotKey };
  return { slot, slotKey, kept: await context.wrapping.wrap(slotKey, slotKeyWrapContext(uuidBytes(slotId))) };
}

async function kmsSlot({ wrapping }: Context, slotId: string, label: string | undefined): Promise<NewSlot> {
  const slotKey = randomBytes(32);
  const { bytes, provider, keyRef } = await wrapping.wrap(slotKey, slotKeyWrapContext(uuidBytes(slotId)));
  const kms = { provider, keyRef, ciphertext: bytes };
  return { slot: { slotId, kind: 'kms', label: label ?? provider, kms }, slotKey };
}
