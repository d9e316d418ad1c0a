import { type Static, Type } from 'typebox';
import { Bytes, Counter, closed, EncryptionMode, Id, Name, Named, Reference, Time } from './fields.ts';
import { ImmutableDays } from './retention.ts';

/** What the target reported last; absent until the repository was opened since the Director's start. */
export const StatsResource = Type.Object({
  points: Counter,
  chunks: Counter,
  storedBytes: Bytes,
  /** Absent where nobody can tell, as for object storage. */
  freeBytes: Type.Optional(Bytes),
});

export const RepositoryResource = Type.Object({
  id: Id,
  name: Type.String(),
  transporter: Named,
  path: Type.String(),
  createdAt: Time,
  stats: Type.Optional(StatsResource),
  /** For how many days at least the target locks every new recovery point, as it said last. */
  immutableDays: Type.Optional(Type.Integer()),
});
export type RepositoryResource = Static<typeof RepositoryResource>;

export const RepositoryRequest = closed({
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
