import { type Static, Type } from 'typebox';
import { bytes, Count, record, text, Uuid } from './fields.ts';

/** How a slot key is come by; nothing here is secret. */
const slotFields = {
  kind: Type.Union([Type.Literal('password'), Type.Literal('kms'), Type.Literal('keyfile')]),
  label: text(64),
  /** Kind password: the slot key is Argon2id of it. */
  kdf: Type.Optional(record({ memoryKiB: Count, passes: Count, lanes: Count, salt: bytes(32, 32) })),
  /** Kind kms: the slot key is what the service unwraps. */
  kms: Type.Optional(record({ provider: text(32), keyRef: text(2048), ciphertext: bytes(4096, 1) })),
};

/** A slot that is to be made; its key comes sealed beside it. */
export const NewSlot = record({ slotId: Uuid, ...slotFields });
export type NewSlot = Static<typeof NewSlot>;

/** The encryption at rest of one repository. */
export const RepositoryKeys = record({
  locked: Type.Boolean(),
  /** Counts the master keys, from 1. */
  epoch: Count,
  slots: Type.Array(NewSlot, { maxItems: 32 }),
  /** There while data sealed under earlier master keys is sealed anew. Bytes of packs. */
  rotation: Type.Optional(record({ doneBytes: Count, totalBytes: Count })),
});
export type RepositoryKeys = Static<typeof RepositoryKeys>;
