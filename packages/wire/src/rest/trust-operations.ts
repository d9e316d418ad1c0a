import { Type } from 'typebox';
import type { Endpoint } from './endpoint.ts';
import { ById, closed, PageQuery, page } from './fields.ts';
import { TransporterResource } from './transporters.ts';
import { DrillResource, ExplanationResource } from './trust.ts';

/** Operations on who is trusted with what, and the proof that keys still open what they should. */
export const TRUST_OPERATIONS = {
  revokeTransporter: {
    method: 'POST',
    path: '/api/v1/transporters/:id/revoke',
    tag: 'transporters',
    summary: 'Revokes the certificates of a Transporter and drops its sessions; a new token enrols it again',
    params: ById,
    response: TransporterResource,
  },
  removeTransporter: {
    method: 'POST',
    path: '/api/v1/transporters/:id/remove',
    tag: 'transporters',
    summary: 'Revokes a Transporter and forgets it; refused while jobs or repositories need it',
    params: ById,
    response: TransporterResource,
  },
  explainJob: {
    method: 'GET',
    path: '/api/v1/jobs/:id/explain',
    tag: 'jobs',
    summary: 'Tells who can read what in a run of the job, with which keys, from when to when',
    params: ById,
    response: ExplanationResource,
  },
  explainPoint: {
    method: 'GET',
    path: '/api/v1/points/:id/explanation',
    tag: 'points',
    summary: 'Gives the explanation that was in force when the point was made',
    params: ById,
    response: ExplanationResource,
  },
  drillJob: {
    method: 'POST',
    path: '/api/v1/jobs/:id/drill',
    tag: 'jobs',
    summary: 'Proves that the newest recovery point can be opened, in each way that is configured',
    params: ById,
    body: closed({ password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })) }),
    response: Type.Object({ items: Type.Array(DrillResource) }),
  },
  listDrills: {
    method: 'GET',
    path: '/api/v1/jobs/:id/drills',
    tag: 'jobs',
    summary: 'Lists the key drills of a job, newest first',
    params: ById,
    query: closed(PageQuery),
    response: page(DrillResource),
  },
} as const satisfies Record<string, Endpoint>;
