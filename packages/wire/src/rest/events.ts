import { type Static, Type } from 'typebox';
import { Named, ProgressResource } from './fields.ts';
import { RunResource, WarningResource } from './jobs.ts';
import { DeletionResource } from './retention.ts';
import { TransporterResource } from './transporters.ts';
import { Alarm } from './trust.ts';

/** What a run is about: a job, or for tasks of a target a repository. */
const Subject = { job: Type.Optional(Named), repository: Type.Optional(Named) };

/** What happens at a Director, one type each. `events.lost`: too long away, so read the lists again. */
export const DirectorEvent = Type.Union([
  Type.Object({
    type: Type.Literal('run.progress'),
    data: Type.Object({ run: Type.String(), ...Subject, progress: ProgressResource }),
  }),
  Type.Object({
    type: Type.Literal('run.warning'),
    data: Type.Object({ run: Type.String(), ...Subject, warnings: Type.Array(WarningResource) }),
  }),
  Type.Object({ type: Type.Literal('run.state'), data: RunResource }),
  Type.Object({ type: Type.Literal('transporter.state'), data: TransporterResource }),
  Type.Object({ type: Type.Literal('point.deletion'), data: DeletionResource }),
  Type.Object({ type: Type.Literal('alarm'), data: Alarm }),
  Type.Object({ type: Type.Literal('events.lost'), data: Type.Object({}) }),
]);
export type DirectorEvent = Static<typeof DirectorEvent>;
/** An event with the id from which a reader resumes. */
export type NumberedEvent = DirectorEvent & { id: string };
