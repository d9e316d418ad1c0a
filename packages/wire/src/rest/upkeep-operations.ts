import { Type } from 'typebox';
import { CollectSpec, RepairSpec, RotationSpec, VerifySpec } from '../control/upkeep.ts';
import { Unsealed } from './copies.ts';
import type { Endpoint } from './endpoint.ts';
import { ById, closed, Id, Reference } from './fields.ts';
import { RunResource } from './jobs.ts';

const { percent, withinDays, bytesPerSecond } = VerifySpec.properties;

/** Tasks on a repository, done by its target: each is a run. */
export const UPKEEP_OPERATIONS = {
  startVerification: {
    method: 'POST',
    path: '/api/v1/repositories/:id/verifications',
    tag: 'repositories',
    summary: 'Queues a verification: everything in the repository is read and checked, or a part of its packs',
    params: ById,
    body: closed({ percent, withinDays, bytesPerSecond }),
    response: RunResource,
    status: 202,
  },
  startRepair: {
    method: 'POST',
    path: '/api/v1/repositories/:id/repairs',
    tag: 'repositories',
    summary: 'Queues a repair of what verifications have found; a dry run changes nothing',
    params: ById,
    body: RepairSpec,
    response: RunResource,
    status: 202,
  },
  startCollection: {
    method: 'POST',
    path: '/api/v1/repositories/:id/collections',
    tag: 'repositories',
    summary: 'Queues a collection: the space of what no recovery point needs comes back; a dry run changes nothing',
    params: ById,
    body: CollectSpec,
    response: RunResource,
    status: 202,
  },
  startMasterKeyRotation: {
    method: 'POST',
    path: '/api/v1/repositories/:id/master-key-rotations',
    tag: 'repositories',
    summary: 'Queues a new master key for a repository that is encrypted at rest: everything is sealed anew under it',
    params: ById,
    body: closed({ bytesPerSecond: RotationSpec.properties.bytesPerSecond }),
    response: RunResource,
    status: 202,
  },
  startCopy: {
    method: 'POST',
    path: '/api/v1/repositories/:id/copies',
    tag: 'repositories',
    summary: 'Queues a copy of recovery points to another repository; only what it lacks is sent',
    params: ById,
    body: closed({
      to: Reference,
      job: Type.Optional(Reference),
      point: Type.Optional(Id),
      unsealed: Unsealed,
    }),
    response: RunResource,
    status: 202,
  },
} as const satisfies Record<string, Endpoint>;
