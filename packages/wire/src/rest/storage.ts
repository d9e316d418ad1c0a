import { type Static, Type } from 'typebox';
import { Bytes, Counter, closed, Id, Name, Named, Reference, Time } from './fields.ts';
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
