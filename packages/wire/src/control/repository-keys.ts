import { type Static, Type } from 'typebox';
import { bytes, Count, record, text, Uuid } from './fields.ts';

/** How the key of a slot is come by; nothing here is secret. */
export const KeySlot = record({
  slotId: Uuid,
  kind: Type.Union([Type.Literal('password'), Type.Literal('kms'), Type.Literal('keyfile')]),
  label: text(64),
  /** Kind password: the slot key is Argon2id of it. */
  kdf: Type.Optional(record({ memoryKiB: Count, passes: Count, lanes: Count, salt: bytes(32, 32) })),
  /** Kind kms: the slot key is what the service unwraps. */
  kms: Type.Optional(record({ provider: text(32), keyRef: text(2048), ciphertext: bytes(4096, 1) })),
});
export type KeySlot = Static<typeof KeySlot>;

/** The encryption at rest of one repository. */
export const RepositoryKeys = record({
  locked: Type.Boolean(),
  /** Counts the master keys, from 1. */
  epoch: Count,
  /** Earlier master keys under which data is still sealed. */
  earlier: Type.Array(Count, { maxItems: 1024 }),
  slots: Type.Array(KeySlot, { maxItems: 32 }),
});
export type RepositoryKeys = Static<typeof RepositoryKeys>;

/** The key of a slot, sealed to the public key of a challenge. */
export const slotKeyAnswer = { challengeId: Uuid, sealedKey: bytes(4096, 32) };

/** What a slot key is bound to when it is sealed to the public key of a challenge. */
export function slotKeyContext(challengeId: string): Buffer {
  return Buffer.from(`sealift/v1/slot-key\0${challengeId}`);
}
