import { type Static, Type } from 'typebox';
import { EntryFields } from '../control/tasks.ts';
import { Bytes, Counter, EncryptionMode, FailureResource, Id, Named, Time } from './fields.ts';

const Bonds = {
  /** The target refuses to remove it before, by its own clock. */
  lockedUntil: Type.Optional(Time),
  /** The target refuses to remove it until it is released. */
  hold: Type.Optional(Type.Object({ reason: Type.String(), since: Time })),
  /** Its target does not list it any more, and it was not removed from here. */
  missingSince: Type.Optional(Time),
};

export const PointResource = Type.Object({
  id: Id,
  job: Named,
  repository: Named,
  source: Named,
  mode: EncryptionMode,
  password: Type.Optional(Named),
  sequence: Counter,
  hash: Type.String({ description: 'SHA-256 of the manifest, hex' }),
  files: Type.Optional(Counter),
  bytes: Type.Optional(Bytes),
  authority: Type.Optional(
    Type.String({ description: 'adopted points: SHA-256 of the key of the authority they were made under, base64url' }),
  ),
  passwordNeeded: Type.Optional(
    Type.Boolean({ description: 'of a single point: whether its password must be given for reading it' }),
  ),
  createdAt: Time,
  /** Clock of the target; absent until the Director has asked it. */
  receivedAt: Type.Optional(Time),
  ...Bonds,
  /** Other repositories that hold it, too; told of a single point. */
  copies: Type.Optional(Type.Array(Type.Object({ repository: Named, receivedAt: Time, ...Bonds }))),
  removed: Type.Optional(Type.Object({ at: Time, by: Type.String(), reason: Type.String() })),
});
export type PointResource = Static<typeof PointResource>;

export const EntryResource = Type.Object({
  path: Type.String(),
  pathBytes: Type.Optional(Type.String({ description: 'base64url; there when the name is not UTF-8' })),
  kind: EntryFields.properties.kind,
  size: Bytes,
  mode: Type.Integer(),
  uid: Type.Integer(),
  gid: Type.Integer(),
  mtimeNs: Type.String({ description: 'nanoseconds since 1970, decimal' }),
  linkTarget: Type.Optional(Type.String()),
  disk: Type.Optional(Type.Boolean({ description: 'protected as a disk image' })),
  filesystem: Type.Optional(Type.String({ description: 'of a partition of a disk: what lies in it' })),
  content: Type.Optional(
    Type.String({ description: 'of a version: the same for the same content, unless it was stored twice; hex' }),
  ),
});
export type EntryResource = Static<typeof EntryResource>;

/** A file or folder as one recovery point has it. */
export const VersionResource = Type.Object({
  point: Id,
  createdAt: Time,
  entry: Type.Optional(EntryResource),
  /** Why it could not be looked up; without it and without an entry, the point does not hold the path. */
  problem: Type.Optional(FailureResource),
});
export type VersionResource = Static<typeof VersionResource>;
