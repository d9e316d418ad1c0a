import { type Static, Type } from 'typebox';
import { Bytes, Counter, closed, Id, Keep, Name, Named, Reference, Time } from './fields.ts';

/** What the target reported last; absent until the repository was opened since the Director's start. */
export const StatsResource = Type.Object({
  points: Counter,
  chunks: Counter,
  storedBytes: Bytes,
  freeBytes: Bytes,
});

export const SlotKind = Type.Union([Type.Literal('password'), Type.Literal('kms'), Type.Literal('keyfile')]);

const Secret = Type.String({ minLength: 1, maxLength: 1024 });
const KeyFile = Type.String({ pattern: '^[A-Za-z0-9+/]{43}=?$', description: '32 bytes in base64' });

/** What opens a slot; nothing for one whose key the Director or a key management service holds. */
export const SlotSecret = Type.Union([closed({ password: Secret }), closed({ keyFile: KeyFile })]);

/** A new slot. The Director keeps what opens it, wrapped, unless `keep` says never. */
export const SlotRequest = Type.Union([
  closed({ kind: Type.Literal('password'), label: Type.Optional(Name), password: Secret, keep: Type.Optional(Keep) }),
  closed({ kind: Type.Literal('keyfile'), label: Type.Optional(Name), keyFile: KeyFile, keep: Type.Optional(Keep) }),
  closed({ kind: Type.Literal('kms'), label: Type.Optional(Name) }),
]);

/** One way to open a repository that is encrypted at rest. */
export const SlotResource = Type.Object({
  id: Id,
  kind: SlotKind,
  label: Type.String(),
  keyRef: Type.Optional(Type.String({ description: 'key of the key management service' })),
  /** Whether the Director can open the repository with it by itself. */
  held: Type.Boolean(),
});
export type SlotResource = Static<typeof SlotResource>;

/** Encryption at rest; absent for a repository that has none, or that was never seen open. */
export const RepositoryEncryption = Type.Object({
  locked: Type.Boolean(),
  epoch: Type.Integer(),
  slots: Type.Array(SlotResource),
  rotation: Type.Optional(Type.Object({ doneBytes: Bytes, totalBytes: Bytes })),
});

export const RepositoryResource = Type.Object({
  id: Id,
  name: Type.String(),
  transporter: Named,
  path: Type.String(),
  createdAt: Time,
  stats: Type.Optional(StatsResource),
  encryption: Type.Optional(RepositoryEncryption),
});
export type RepositoryResource = Static<typeof RepositoryResource>;

export const RepositoryRequest = closed({
  name: Name,
  transporter: Reference,
  path: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/', description: 'absolute folder on the target' }),
  encryption: Type.Optional(SlotRequest),
});

/** Takes over what is there already, made by another Director. */
export const AdoptRequest = closed({
  name: Name,
  transporter: Reference,
  path: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/', description: 'absolute folder on the target' }),
  key: Type.Optional(SlotSecret),
});

export const AdoptedResource = Type.Object({ repository: RepositoryResource, points: Counter });

/** Opens one slot; `slot` picks one where several could be meant. */
export const UnlockRequest = closed({ key: Type.Optional(SlotSecret), slot: Type.Optional(Id) });
