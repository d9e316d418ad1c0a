import { Type } from 'typebox';
import type { Endpoint } from './endpoint.ts';
import { ById, closed, PageQuery, page, Reference, Time } from './fields.ts';
import { JobRemovalRequest, JobRemovalResource } from './job-removal.ts';
import { JobChange, JobResource } from './jobs.ts';
import { PointResource } from './points.ts';
import { DeletionResource, ImmutableDays, KeepRule, Reason, RetentionResource } from './retention.ts';
import { RepositoryResource } from './storage.ts';

/** Where a recovery point is meant: its own repository unless another one with a copy is named. */
const OfCopy = closed({ from: Type.Optional(Reference) });

/** Operations on when recovery points are made, and how long they are kept. */
export const RETENTION_OPERATIONS = {
  updateJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/update',
    tag: 'jobs',
    summary: 'Changes what is named of a job',
    params: ById,
    body: JobChange,
    response: JobResource,
  },
  removeJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/remove',
    tag: 'jobs',
    summary:
      'Removes a job, and its recovery points if that is asked for; refused while a run of it waits or is under way',
    params: ById,
    body: JobRemovalRequest,
    response: JobRemovalResource,
  },
  pauseJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/pause',
    tag: 'jobs',
    summary: 'Begins no more runs of a job by its schedule',
    params: ById,
    response: JobResource,
  },
  resumeJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/resume',
    tag: 'jobs',
    summary: 'Lets runs of a job begin by its schedule again, from the next time on',
    params: ById,
    response: JobResource,
  },
  previewRetention: {
    method: 'POST',
    path: '/api/v1/jobs/:id/retention',
    tag: 'jobs',
    summary: 'Tells which recovery points the rule of a job, or another rule, would remove, and why; removes nothing',
    params: ById,
    body: closed({ keep: Type.Optional(Type.Union([KeepRule, Type.Null()])) }),
    response: RetentionResource,
  },
  applyRetention: {
    method: 'POST',
    path: '/api/v1/jobs/:id/retention/apply',
    tag: 'jobs',
    summary: 'Removes at once what the rule of the job does not keep',
    params: ById,
    response: Type.Object({ blocked: Type.Optional(Type.String()), items: Type.Array(DeletionResource) }),
  },
  unfreezeJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/unfreeze',
    tag: 'jobs',
    summary: 'Lets the rule of a job remove recovery points again after a suspicious run was looked at',
    params: ById,
    response: JobResource,
  },
  removePoint: {
    method: 'POST',
    path: '/api/v1/points/:id/remove',
    tag: 'points',
    summary: 'Removes a recovery point for good; the target refuses while it is locked or held',
    params: ById,
    query: OfCopy,
    body: closed({ reason: Type.Optional(Reason) }),
    response: PointResource,
  },
  holdPoint: {
    method: 'POST',
    path: '/api/v1/points/:id/hold',
    tag: 'points',
    summary: 'Keeps a recovery point from being removed until it is released',
    params: ById,
    query: OfCopy,
    body: closed({ reason: Type.Optional(Reason) }),
    response: PointResource,
  },
  releasePoint: {
    method: 'POST',
    path: '/api/v1/points/:id/release',
    tag: 'points',
    summary: 'Takes the hold of a recovery point back',
    params: ById,
    query: OfCopy,
    response: PointResource,
  },
  lockPoint: {
    method: 'POST',
    path: '/api/v1/points/:id/lock',
    tag: 'points',
    summary: 'Locks a recovery point until then, by the clock of its target; a lock is only ever extended',
    params: ById,
    query: OfCopy,
    body: closed({ until: Time }),
    response: PointResource,
  },
  listDeletions: {
    method: 'GET',
    path: '/api/v1/deletions',
    tag: 'points',
    summary: 'Lists which recovery points were removed or were to be, by whom and why, newest first',
    query: closed({ ...PageQuery, job: Type.Optional(Reference) }),
    response: page(DeletionResource),
  },
  lockRepository: {
    method: 'POST',
    path: '/api/v1/repositories/:id/immutable',
    tag: 'repositories',
    summary: 'Has every new recovery point of a repository locked for so many days at least; only ever lengthened',
    params: ById,
    body: closed({ days: ImmutableDays }),
    response: RepositoryResource,
  },
} as const satisfies Record<string, Endpoint>;
