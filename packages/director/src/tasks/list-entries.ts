import { isAbsolute } from 'node:path';
import { type Entry, type EntryResource, MAX_ENTRIES_PAGE } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Page } from '../db/paging.ts';
import type { Point } from '../db/points.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { pathFields } from '../resources/paths.ts';

const PATIENCE = 60_000;

export interface Folder {
  path: Buffer;
  limit: number;
  cursor?: Buffer;
}

/** One page of a folder of a recovery point, read by a source Transporter: the Director never sees chunks. */
export async function listEntries(context: Context, point: Point, folder: Folder): Promise<Page<EntryResource>> {
  if (isAbsolute(folder.path.toString('latin1'))) {
    throw fail('request-invalid', 'Paths inside a recovery point begin with a name, not with a slash.');
  }
  const session = readerOf(context, point);
  using task = context.browsing.begin(session.transporter.id, point, 'entries');
  const { entries, next } = await session.peer.call(
    'point.entries',
    {
      taskId: task.taskId,
      jobId: point.job.id,
      pointId: point.id,
      repositoryId: point.repository.id,
      mode: point.mode,
      path: folder.path,
      limit: Math.min(folder.limit, MAX_ENTRIES_PAGE),
      ...(point.authority === undefined ? {} : { authority: point.authority.certificate }),
      ...(folder.cursor === undefined ? {} : { cursor: folder.cursor }),
    },
    AbortSignal.timeout(PATIENCE),
  );
  return { items: entries.map(entryResource), ...(next === undefined ? {} : { next: next.toString('base64url') }) };
}

/** The Transporter that made the point, or else any that reads. */
export function readerOf({ connections }: Context, point: Point): Session {
  const session = connections.of(point.source.id) ?? connections.all().find(({ transporter }) => canRead(transporter));
  if (session !== undefined) return session;
  throw fail('transporter-away', `No source Transporter is connected that could read the point ${point.id}.`);
}

/** The Transporter that made the point and no other: for looks that nobody asked for. */
export function ownSource({ connections }: Context, { source }: Point): Session {
  return connections.required(source);
}

function canRead({ role }: { role: string }): boolean {
  return role !== 'target';
}

function entryResource({ path, linkTarget, ...entry }: Entry): EntryResource {
  return {
    ...pathFields(path),
    ...entry,
    ...(linkTarget === undefined ? {} : { linkTarget: linkTarget.toString('utf8') }),
  };
}
