import { type Static, Type } from 'typebox';
import { MAX_REASON } from '../control/point-methods.ts';
import { closed, FailureResource, Id, Named, Time } from './fields.ts';

const Most = Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }));

/** How many recovery points of a job are kept: the latest, and the newest of so many hours, days, weeks, months, years. */
export const KeepRule = closed({
  last: Most,
  hourly: Most,
  daily: Most,
  weekly: Most,
  monthly: Most,
  yearly: Most,
});
export type KeepRule = Static<typeof KeepRule>;

/** Longest period for which new points can be locked: it can never be taken back. */
export const MAX_IMMUTABLE_DAYS = 3653;
export const ImmutableDays = Type.Integer({
  minimum: 0,
  maximum: MAX_IMMUTABLE_DAYS,
  description: 'days for which the target refuses to remove a new recovery point, from its receipt',
});

export const Reason = Type.String({ maxLength: MAX_REASON });

/** Why points of a job are not removed by its rule for now. */
export const FreezeResource = Type.Object({
  since: Time,
  run: Id,
  reasons: Type.Array(Type.String()),
});

/** What a rule means for one recovery point. */
export const VerdictResource = Type.Object({
  point: Id,
  receivedAt: Time,
  keep: Type.Boolean(),
  why: Type.Array(Type.String()),
});

export const RetentionResource = Type.Object({
  job: Named,
  rule: Type.Optional(KeepRule),
  timeZone: Type.String({ description: 'by whose days, weeks and months the rule counts' }),
  /** Why nothing is removed for now, whatever the rule says. */
  blocked: Type.Optional(Type.String()),
  /** The target is away: this is how it stood when it was last heard of. */
  stale: Type.Boolean(),
  verdicts: Type.Array(VerdictResource),
});
export type RetentionResource = Static<typeof RetentionResource>;

/** One attempt to remove a recovery point, as the log of deletions keeps it. */
export const DeletionResource = Type.Object({
  at: Time,
  point: Id,
  job: Named,
  repository: Named,
  by: Type.String({ description: '`retention`, or who asked for it' }),
  reason: Type.String(),
  /** `gone`: the target had no such point any more. */
  outcome: Type.Union([Type.Literal('removed'), Type.Literal('gone'), Type.Literal('refused')]),
  failure: Type.Optional(FailureResource),
  /** Refused: until when it is locked. */
  lockedUntil: Type.Optional(Time),
});
export type DeletionResource = Static<typeof DeletionResource>;
