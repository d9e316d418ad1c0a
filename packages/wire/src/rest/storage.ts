import { type Static, Type } from 'typebox';
import { Bytes, Counter, closed, EncryptionMode, Id, Keep, Name, Named, Reference, Time } from './fields.ts';
import { ImmutableDays } from './retention.ts';

/** What the target reported last; absent until the repository was opened since the Director's start. */
export const StatsResource = Type.Object({
  points: Counter,
  chunks: Counter,
  storedBytes: Bytes,
  /** Absent where nobody can tell, as for object storage. */
  freeBytes: Type.Optional(Bytes),
});

export const KeySlotResource = Type.Object({
  id: Id,
  kind: Type.Union([Type.Literal('password'), Type.Literal('kms'), Type.Literal('keyfile')]),
  label: Type.String(),
  /** Kind kms: which service unwraps its key. */
  kms: Type.Optional(Type.Object({ provider: Type.String(), keyRef: Type.String() })),
  /** Whether the Director keeps its key, wrapped, and unlocks with it. */
  kept: Type.Boolean(),
});

/** Encryption at rest, as the target reported it last. */
export const EncryptionResource = Type.Object({
  locked: Type.Boolean(),
  /** Why it could not be unlocked without being asked. */
  reason: Type.Optional(Type.String()),
  /** Counts the master keys, from 1. */
  epoch: Counter,
  /** Earlier master keys under which data is still sealed. */
  earlier: Type.Array(Counter),
  slots: Type.Array(KeySlotResource),
});

export const RepositoryResource = Type.Object({
  id: Id,
  name: Type.String(),
  transporter: Named,
  path: Type.String(),
  createdAt: Time,
  stats: Type.Optional(StatsResource),
  /** Absent where it is not encrypted at rest. */
  encryption: Type.Optional(EncryptionResource),
  /** For how many days at least the target locks every new recovery point, as it said last. */
  immutableDays: Type.Optional(Type.Integer()),
});
export type RepositoryResource = Static<typeof RepositoryResource>;

const Secret = Type.String({ minLength: 1, maxLength: 1024 });
const SlotKey = Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$', description: '32 bytes in base64' });
const Label = Type.String({ minLength: 1, maxLength: 64 });

/** A key slot that is to be made. */
export const SlotRequest = Type.Union([
  closed({
    kind: Type.Literal('password'),
    password: Secret,
    label: Type.Optional(Label),
    keep: Type.Optional(Keep),
    acceptWeak: Type.Optional(Type.Boolean()),
  }),
  closed({ kind: Type.Literal('kms'), label: Type.Optional(Label) }),
  closed({ kind: Type.Literal('keyfile'), key: SlotKey, label: Type.Optional(Label) }),
]);
export type SlotRequest = Static<typeof SlotRequest>;

/** What opens one of the slots; neither: whatever the Director has itself. */
export const UnlockRequest = closed({ password: Type.Optional(Secret), key: Type.Optional(SlotKey) });

export const RepositoryRequest = closed({
  encryption: Type.Optional(SlotRequest),
  name: Name,
  transporter: Reference,
  path: Type.String({
    minLength: 1,
    maxLength: 4096,
    pattern: '^(/|s3://)',
    description: 'absolute folder on the target, or s3://bucket/prefix?endpoint=…&region=…&credentials=…',
  }),
  immutableDays: Type.Optional(ImmutableDays),
});

const { name, transporter, path } = RepositoryRequest.properties;

export const AdoptionRequest = closed({
  ...{ name, transporter, path },
  authorities: Type.Optional(
    Type.Array(Type.String({ maxLength: 16 * 1024 }), {
      minItems: 1,
      maxItems: 8,
      description: 'certificates, PEM, of the authorities whose points are taken; those found there when left out',
    }),
  ),
});

/** Where a repository is from now on; the same target when none is named. */
export const PlaceRequest = closed({ transporter: Type.Optional(Reference), path });

/** What came of taking over a repository that another Director had. */
export const AdoptionResource = Type.Object({
  repository: RepositoryResource,
  added: Counter,
  known: Type.Integer({ minimum: 0, description: 'recorded before, and left as they are' }),
  refused: Counter,
  refusals: Type.Array(Type.Object({ point: Id, code: Type.String(), message: Type.String() }), {
    description: 'the first hundred',
  }),
  authorities: Type.Array(
    Type.Object({
      fingerprint: Type.String({ description: 'SHA-256 of its public key, base64url' }),
      given: Type.Boolean({
        description: 'by the administrator; else taken from the repository at its first adoption',
      }),
      points: Counter,
    }),
  ),
  jobs: Type.Array(
    Type.Object({
      ...Named.properties,
      source: Id,
      encryption: EncryptionMode,
      points: Counter,
      missing: Type.Integer({ minimum: 0, description: 'points of its chain, before the newest, that are not there' }),
    }),
  ),
});
export type AdoptionResource = Static<typeof AdoptionResource>;

const PointName = Type.Object({ point: Id, job: Id, sequence: Counter });

/** The points that a target shows, compared with those that were recorded. Of each list the first hundred. */
export const ComparisonResource = Type.Object({
  repository: Named,
  at: Time,
  shown: Counter,
  recorded: Counter,
  /** Recorded here, not shown there. */
  missing: Type.Array(PointName),
  /** Another file under the id of a recorded point. */
  replaced: Type.Array(PointName),
  /** Shown there, never recorded here. */
  unknown: Type.Array(PointName),
  /** Does not follow the point before it. */
  outOfChain: Type.Array(PointName),
  differences: Counter,
});
export type ComparisonResource = Static<typeof ComparisonResource>;
