import { type Static, Type } from 'typebox';
import { closed, Id, Name, Named, Reference, Time } from './fields.ts';
import { Schedule } from './jobs.ts';
import { ImmutableDays, KeepRule, RetentionResource } from './retention.ts';

const confirm = Type.Optional(
  Type.Boolean({ description: 'a rule is meant even if it leaves hardly more than the newest copy' }),
);

/** In-flight points of a repository that is encrypted at rest may go to one that is not. */
export const Unsealed = Type.Optional(
  Type.Boolean({
    description: 'in-flight points may be copied from a repository that is encrypted at rest to one that is not',
  }),
);

export const CopyRequest = closed({
  name: Name,
  from: Reference,
  to: Reference,
  jobs: Type.Optional(Type.Array(Reference, { minItems: 1, maxItems: 200, description: 'all when left out' })),
  schedule: Type.Optional(Schedule),
  keep: Type.Optional(KeepRule),
  immutableDays: Type.Optional(ImmutableDays),
  unsealed: Unsealed,
  confirm,
});

/** What is left out stays as it is. */
export const CopyChange = closed({
  schedule: Type.Optional(Type.Union([Schedule, Type.Null()], { description: 'null: only when it is asked for' })),
  keep: Type.Optional(Type.Union([KeepRule, Type.Null()], { description: 'null: every copy is kept' })),
  immutableDays: Type.Optional(ImmutableDays),
  confirm,
});

/** A standing copy: recovery points of one repository that another is to hold, too. */
export const CopyResource = Type.Object({
  id: Id,
  name: Type.String(),
  from: Named,
  to: Named,
  /** Absent: all. */
  jobs: Type.Optional(Type.Array(Named)),
  schedule: Type.Optional(Type.String()),
  nextRunAt: Type.Optional(Time),
  /** Absent: every copy is kept. */
  keep: Type.Optional(KeepRule),
  immutableDays: Type.Optional(Type.Integer()),
  /** It was due twice since it last ended well. */
  lateSince: Type.Optional(Time),
  createdAt: Time,
});
export type CopyResource = Static<typeof CopyResource>;

/** What the rule of a standing copy means, for each of its jobs; `waiting` are points that the next run would copy. */
export const CopyRetentionResource = Type.Object({
  items: Type.Array(Type.Object({ ...RetentionResource.properties, waiting: Type.Array(Id) })),
});
export type CopyRetentionResource = Static<typeof CopyRetentionResource>;
