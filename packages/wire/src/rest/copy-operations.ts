import { Type } from 'typebox';
import { CopyChange, CopyRequest, CopyResource, CopyRetentionResource } from './copies.ts';
import type { Endpoint } from './endpoint.ts';
import { ById, closed, PageQuery, page } from './fields.ts';
import { RunResource } from './jobs.ts';
import { DeletionResource, KeepRule } from './retention.ts';

/** Operations on standing copies. */
export const COPY_OPERATIONS = {
  listCopies: {
    method: 'GET',
    path: '/api/v1/copies',
    tag: 'copies',
    summary: 'Lists the standing copies',
    query: closed(PageQuery),
    response: page(CopyResource),
  },
  getCopy: {
    method: 'GET',
    path: '/api/v1/copies/:id',
    tag: 'copies',
    summary: 'Shows one standing copy',
    params: ById,
    response: CopyResource,
  },
  createCopy: {
    method: 'POST',
    path: '/api/v1/copies',
    tag: 'copies',
    summary: 'Has recovery points of one repository copied to another, again and again, with a retention of their own',
    body: CopyRequest,
    response: CopyResource,
    status: 201,
  },
  updateCopy: {
    method: 'POST',
    path: '/api/v1/copies/:id/update',
    tag: 'copies',
    summary: 'Changes what is named of a standing copy',
    params: ById,
    body: CopyChange,
    response: CopyResource,
  },
  removeCopy: {
    method: 'POST',
    path: '/api/v1/copies/:id/remove',
    tag: 'copies',
    summary: 'Forgets a standing copy; what it has copied stays, and no rule removes it any more',
    params: ById,
    response: CopyResource,
  },
  runCopy: {
    method: 'POST',
    path: '/api/v1/copies/:id/runs',
    tag: 'copies',
    summary: 'Queues a run of a standing copy',
    params: ById,
    response: RunResource,
    status: 202,
  },
  previewCopyRetention: {
    method: 'POST',
    path: '/api/v1/copies/:id/retention',
    tag: 'copies',
    summary: 'Tells which copies the rule of a standing copy, or another rule, would remove, and why; removes nothing',
    params: ById,
    body: closed({ keep: Type.Optional(Type.Union([KeepRule, Type.Null()])) }),
    response: CopyRetentionResource,
  },
  applyCopyRetention: {
    method: 'POST',
    path: '/api/v1/copies/:id/retention/apply',
    tag: 'copies',
    summary: 'Removes at once the copies that the rule of a standing copy does not keep',
    params: ById,
    response: Type.Object({ blocked: Type.Array(Type.String()), items: Type.Array(DeletionResource) }),
  },
} as const satisfies Record<string, Endpoint>;
