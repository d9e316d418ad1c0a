import { Type } from 'typebox';
import { EntryKind } from '../control/tasks.ts';
import type { Endpoint } from './endpoint.ts';
import { ById, Bytes, closed, PageQuery, page, Time } from './fields.ts';
import { EntryResource, VersionResource } from './points.ts';

/** A path inside a recovery point, as text or as any bytes. */
const PathQuery = {
  path: Type.Optional(
    Type.String({ maxLength: 4096, description: 'begins with the name of a root; no slash before it' }),
  ),
  pathBytes: Type.Optional(Type.String({ maxLength: 5462, description: 'the same in base64url, for any bytes' })),
};

/** In the filesystems of the disk that the path names. */
const InsideQuery = {
  inside: Type.Optional(
    Type.String({
      maxLength: 4096,
      description: 'path on the disk that `path` names, no slash before it; may be empty',
    }),
  ),
  insideBytes: Type.Optional(Type.String({ maxLength: 5462, description: 'the same in base64url, for any bytes' })),
};

/** Looking into recovery points without restoring anything. */
export const LOOK_OPERATIONS = {
  listEntries: {
    method: 'GET',
    path: '/api/v1/points/:id/entries',
    tag: 'points',
    summary: 'Lists a folder of a recovery point, or its top',
    params: ById,
    query: closed({ ...PageQuery, ...PathQuery, ...InsideQuery }),
    response: page(EntryResource),
  },
  listMatches: {
    method: 'GET',
    path: '/api/v1/points/:id/matches',
    tag: 'points',
    summary: 'Searches a recovery point, or a folder of it, in tree order; a page may be empty and have a next one',
    params: ById,
    query: closed({
      ...PageQuery,
      ...PathQuery,
      ...InsideQuery,
      name: Type.Optional(
        Type.String({ maxLength: 1024, description: 'pattern for a name at any depth, or with a slash for a path' }),
      ),
      contains: Type.Optional(Type.String({ maxLength: 255, description: 'part of the name, in any case' })),
      kind: Type.Optional(EntryKind),
      larger: Type.Optional(Bytes),
      smaller: Type.Optional(Bytes),
      newer: Type.Optional(Time),
      older: Type.Optional(Time),
    }),
    response: page(EntryResource),
  },
  listVersions: {
    method: 'GET',
    path: '/api/v1/jobs/:id/versions',
    tag: 'points',
    summary: 'Tells which recovery points of a job hold a path, and in which version; newest first, 20 points a page',
    params: ById,
    query: closed({ ...PageQuery, ...PathQuery }),
    response: page(VersionResource),
  },
} as const satisfies Record<string, Endpoint>;
