import {
  ById,
  DOWNLOAD_PATH,
  DOWNLOAD_TYPE,
  DownloadRequest,
  type EntryFilter,
  Problem,
  type RequestPart,
} from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { jobNamed } from '../db/jobs.ts';
import { limitOf } from '../db/paging.ts';
import { listPoints, presentPoint } from '../db/points.ts';
import { fail } from '../failures.ts';
import { openDownload } from '../tasks/downloads.ts';
import { type Folder, findEntries, listEntries, versionIn } from '../tasks/looks.ts';
import { serve } from './serve.ts';

/** Points that are looked into for one page of versions. */
const MOST_VERSIONS = 20;

/** Looking into recovery points: by folder, by search, and for one path in all points of a job. */
export function serveLooks(app: FastifyInstance, context: Context): void {
  const { db } = context;

  serve(app, 'listEntries', async ({ params, query }) => {
    return await listEntries(context, await presentPoint(db, params.id), folderOf(query));
  });

  serve(app, 'listMatches', async ({ params, query }) => {
    const point = await presentPoint(db, params.id);
    return await findEntries(context, point, { ...folderOf(query), filter: filterOf(query) });
  });

  serve(app, 'listVersions', async ({ params, query }) => {
    const path = demandPath(query);
    const { id } = await jobNamed(db, params.id);
    const limit = Math.min(limitOf(query), MOST_VERSIONS);
    const { items, ...next } = await listPoints(db, { ...query, limit }, id);
    return { items: await Array.fromAsync(items, (point) => versionIn(context, point, path)), ...next };
  });

  const schema = {
    operationId: 'downloadFromPoint',
    tags: ['points'],
    summary: 'Sends a file, or an archive of a folder, sealed to a key of the caller; see PROTOCOL.md',
    security: [{ bearer: [] }],
    params: ById,
    body: DownloadRequest,
    produces: [DOWNLOAD_TYPE],
    response: { '4xx': Problem, '5xx': Problem },
  };
  app.post(DOWNLOAD_PATH, { schema }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const { publicKey, format = 'auto', transporter, ...named } = request.body as DownloadRequest;
    const wanted = {
      path: demandPath(named),
      ...insideOf(named),
      format,
      publicKey: Buffer.from(publicKey, 'base64url'),
    };
    const by = transporter === undefined ? {} : { transporter };
    const sealed = await openDownload(context, await presentPoint(db, id), { ...wanted, ...by });
    return reply.type(DOWNLOAD_TYPE).send(sealed);
  });
}

function demandPath(query: Parameters<typeof pathOf>[0]): Buffer {
  const path = pathOf(query);
  if (path.length > 0) return path;
  throw fail('request-invalid', 'Give the path of a file or a folder in the recovery point.');
}

function folderOf(query: RequestPart<'listEntries', 'query'>): Folder {
  const cursor = query.cursor === undefined ? {} : { cursor: Buffer.from(query.cursor, 'base64url') };
  return { path: pathOf(query), ...insideOf(query), limit: limitOf(query), ...cursor };
}

function insideOf({ inside, insideBytes }: Pick<RequestPart<'listEntries', 'query'>, 'inside' | 'insideBytes'>) {
  if (inside === undefined && insideBytes === undefined) return {};
  const named = {
    ...(inside !== undefined && { path: inside }),
    ...(insideBytes !== undefined && { pathBytes: insideBytes }),
  };
  return { inside: pathOf(named) };
}

function pathOf({ path, pathBytes }: Pick<RequestPart<'listEntries', 'query'>, 'path' | 'pathBytes'>): Buffer {
  const bytes = pathBytes === undefined ? Buffer.from(path ?? '') : Buffer.from(pathBytes, 'base64url');
  if (path !== undefined && pathBytes !== undefined) throw fail('request-invalid', 'Give path or pathBytes, not both.');
  if (bytes.length > 4096) throw fail('request-invalid', 'The path is longer than 4096 bytes.');
  return bytes;
}

function filterOf({ name, contains, kind, ...query }: RequestPart<'listMatches', 'query'>): EntryFilter {
  const { larger, smaller, newer, older } = query;
  return {
    ...(name === undefined ? {} : { name }),
    ...(contains === undefined ? {} : { contains }),
    ...(kind === undefined ? {} : { kind }),
    ...(larger === undefined ? {} : { larger }),
    ...(smaller === undefined ? {} : { smaller }),
    ...(newer === undefined ? {} : { newer: timeOf(newer) }),
    ...(older === undefined ? {} : { older: timeOf(older) }),
  };
}

function timeOf(time: string): number {
  const instant = Date.parse(time);
  if (instant >= 0) return instant;
  throw fail('request-invalid', `${time} is no time since 1970.`);
}
