import { type Static, Type } from 'typebox';
import { Counter, closed, Id, Time } from './fields.ts';
import { JobResource } from './jobs.ts';
import { DeletionResource } from './retention.ts';

export const JobRemovalRequest = closed({
  points: Type.Optional(
    Type.Union([Type.Literal('keep'), Type.Literal('remove')], {
      description: 'remove: those that are neither locked nor held; keep when left out',
    }),
  ),
});

/** What became of the recovery points of a job that was removed. */
export const JobRemovalResource = Type.Object({
  job: JobResource,
  deletions: Type.Array(DeletionResource),
  /** In its repository still. */
  left: Type.Array(Type.Object({ point: Id, lockedUntil: Type.Optional(Time), held: Type.Optional(Type.String()) })),
  /** That other repositories hold, and which stay. */
  copies: Counter,
});
export type JobRemovalResource = Static<typeof JobRemovalResource>;
