import { type Static, type TSchema, Type } from 'typebox';
import { COPY_OPERATIONS } from './copy-operations.ts';
import type { Endpoint } from './endpoint.ts';
import { ById, closed, PageQuery, page, Reference } from './fields.ts';
import {
  JobRequest,
  JobResource,
  RestoreRequest,
  RunResource,
  RunState,
  ServeRequest,
  WarningResource,
} from './jobs.ts';
import { KEY_OPERATIONS } from './key-operations.ts';
import { LOOK_OPERATIONS } from './look-operations.ts';
import { MACHINE_OPERATIONS } from './machine-operations.ts';
import { PasswordRequest, PasswordResource } from './passwords.ts';
import { PointResource } from './points.ts';
import { RETENTION_OPERATIONS } from './retention-operations.ts';
import {
  AdoptionRequest,
  AdoptionResource,
  ComparisonResource,
  PlaceRequest,
  RepositoryRequest,
  RepositoryResource,
} from './storage.ts';
import {
  EnrolmentResource,
  EnrolRequest,
  TokenRequest,
  TokenResource,
  TransporterChange,
  TransporterResource,
} from './transporters.ts';
import { TRUST_OPERATIONS } from './trust-operations.ts';
import { UPKEEP_OPERATIONS } from './upkeep-operations.ts';

const ListQuery = closed(PageQuery);
const OfJob = Type.Optional(Reference);
const OfRepository = Type.Optional(Reference);

/** The API, version 1: the one source of its routes, their validation, their documentation and their client. */
export const API = {
  enrol: {
    method: 'POST',
    path: '/api/v1/enrol',
    tag: 'transporters',
    summary: 'Spends a one-time token on a certificate for a new Transporter',
    body: EnrolRequest,
    response: EnrolmentResource,
    status: 201,
    open: true,
  },
  listTransporters: {
    method: 'GET',
    path: '/api/v1/transporters',
    tag: 'transporters',
    summary: 'Lists the enrolled Transporters',
    query: ListQuery,
    response: page(TransporterResource),
  },
  getTransporter: {
    method: 'GET',
    path: '/api/v1/transporters/:id',
    tag: 'transporters',
    summary: 'Shows one Transporter',
    params: ById,
    response: TransporterResource,
  },
  updateTransporter: {
    method: 'POST',
    path: '/api/v1/transporters/:id/update',
    tag: 'transporters',
    summary: 'Changes what is named of a Transporter; a limit of the bandwidth counts at once, for runs under way too',
    params: ById,
    body: TransporterChange,
    response: TransporterResource,
  },
  createToken: {
    method: 'POST',
    path: '/api/v1/transporters/tokens',
    tag: 'transporters',
    summary: 'Makes a one-time token for enrolling a Transporter, good for an hour',
    body: TokenRequest,
    response: TokenResource,
    status: 201,
  },
  listRepositories: {
    method: 'GET',
    path: '/api/v1/repositories',
    tag: 'repositories',
    summary: 'Lists the repositories',
    query: ListQuery,
    response: page(RepositoryResource),
  },
  getRepository: {
    method: 'GET',
    path: '/api/v1/repositories/:id',
    tag: 'repositories',
    summary: 'Shows one repository, with fresh figures when its target is connected',
    params: ById,
    response: RepositoryResource,
  },
  createRepository: {
    method: 'POST',
    path: '/api/v1/repositories',
    tag: 'repositories',
    summary: 'Makes a repository in a folder of a target Transporter',
    body: RepositoryRequest,
    response: RepositoryResource,
    status: 201,
  },
  adoptRepository: {
    method: 'POST',
    path: '/api/v1/repositories/adoptions',
    tag: 'repositories',
    summary: 'Takes over a repository that another Director had made, with its recovery points; may be repeated',
    body: AdoptionRequest,
    response: AdoptionResource,
  },
  moveRepository: {
    method: 'POST',
    path: '/api/v1/repositories/:id/move',
    tag: 'repositories',
    summary: 'Records that a repository was moved, once the target there has opened it and it is the same',
    params: ById,
    body: PlaceRequest,
    response: RepositoryResource,
  },
  compareRepository: {
    method: 'POST',
    path: '/api/v1/repositories/:id/comparison',
    tag: 'repositories',
    summary: 'Compares the recovery points that its target shows with those recorded; a difference is an alarm',
    params: ById,
    response: ComparisonResource,
  },
  listPasswords: {
    method: 'GET',
    path: '/api/v1/passwords',
    tag: 'passwords',
    summary: 'Lists the encryption passwords, never their content',
    query: ListQuery,
    response: page(PasswordResource),
  },
  createPassword: {
    method: 'POST',
    path: '/api/v1/passwords',
    tag: 'passwords',
    summary: 'Makes an encryption domain from a password',
    body: PasswordRequest,
    response: PasswordResource,
    status: 201,
  },
  listJobs: {
    method: 'GET',
    path: '/api/v1/jobs',
    tag: 'jobs',
    summary: 'Lists the jobs',
    query: ListQuery,
    response: page(JobResource),
  },
  getJob: {
    method: 'GET',
    path: '/api/v1/jobs/:id',
    tag: 'jobs',
    summary: 'Shows one job',
    params: ById,
    response: JobResource,
  },
  createJob: {
    method: 'POST',
    path: '/api/v1/jobs',
    tag: 'jobs',
    summary: 'Makes a backup job',
    body: JobRequest,
    response: JobResource,
    status: 201,
  },
  startRun: {
    method: 'POST',
    path: '/api/v1/jobs/:id/runs',
    tag: 'runs',
    summary: 'Queues a run of a job',
    params: ById,
    response: RunResource,
    status: 202,
  },
  listRuns: {
    method: 'GET',
    path: '/api/v1/runs',
    tag: 'runs',
    summary: 'Lists runs, newest first',
    query: closed({ ...PageQuery, job: OfJob, repository: OfRepository, state: Type.Optional(RunState) }),
    response: page(RunResource),
  },
  getRun: {
    method: 'GET',
    path: '/api/v1/runs/:id',
    tag: 'runs',
    summary: 'Shows one run',
    params: ById,
    response: RunResource,
  },
  listWarnings: {
    method: 'GET',
    path: '/api/v1/runs/:id/warnings',
    tag: 'runs',
    summary: 'Lists what a run skipped or found damaged, the first thousand',
    params: ById,
    query: ListQuery,
    response: page(WarningResource),
  },
  cancelRun: {
    method: 'POST',
    path: '/api/v1/runs/:id/cancel',
    tag: 'runs',
    summary: 'Cancels a run that has not ended',
    params: ById,
    response: RunResource,
    status: 202,
  },
  listPoints: {
    method: 'GET',
    path: '/api/v1/points',
    tag: 'points',
    summary: 'Lists recovery points, newest first',
    query: closed({ ...PageQuery, job: OfJob }),
    response: page(PointResource),
  },
  getPoint: {
    method: 'GET',
    path: '/api/v1/points/:id',
    tag: 'points',
    summary: 'Shows one recovery point',
    params: ById,
    response: PointResource,
  },
  restorePoint: {
    method: 'POST',
    path: '/api/v1/points/:id/restore',
    tag: 'points',
    summary: 'Queues a restore of a recovery point to a folder of a Transporter',
    params: ById,
    body: RestoreRequest,
    response: RunResource,
    status: 202,
  },
  servePoint: {
    method: 'POST',
    path: '/api/v1/points/:id/serve',
    tag: 'points',
    summary: 'Queues a run that serves disks of a recovery point, read-only, over NBD until it is cancelled',
    params: ById,
    body: ServeRequest,
    response: RunResource,
    status: 202,
  },
  ...LOOK_OPERATIONS,
  ...MACHINE_OPERATIONS,
  ...KEY_OPERATIONS,
  ...TRUST_OPERATIONS,
  ...UPKEEP_OPERATIONS,
  ...COPY_OPERATIONS,
  ...RETENTION_OPERATIONS,
} as const satisfies Record<string, Endpoint>;

export type Operation = keyof typeof API;

/** Operations that answer with a page of a list. */
export type ListOperation = Extract<Operation, `list${string}`>;

type Part<O extends Operation, K extends 'params' | 'query' | 'body'> =
  (typeof API)[O] extends Record<K, infer S extends TSchema> ? Static<S> : undefined;

/** What an operation takes: `params` and `body` where it has them; `query` may be left out. */
export type Input<O extends Operation> = (Part<O, 'params'> extends undefined
  ? unknown
  : { params: Part<O, 'params'> }) &
  (Part<O, 'body'> extends undefined ? unknown : { body: Part<O, 'body'> }) &
  (Part<O, 'query'> extends undefined ? unknown : { query?: Part<O, 'query'> });

export type Output<O extends Operation> = Static<(typeof API)[O]['response']>;
export type RequestPart<O extends Operation, K extends 'params' | 'query' | 'body'> = Part<O, K>;
/** One item of a list. */
export type Item<O extends ListOperation> = Output<O>['items'][number];
