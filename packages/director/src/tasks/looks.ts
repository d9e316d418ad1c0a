import { isAbsolute } from 'node:path';
import { toFailure } from '@sealift/core';
import {
  type Entry,
  type EntryFilter,
  type EntryResource,
  MAX_ENTRIES_PAGE,
  MAX_FOUND_PAGE,
  type Params,
  type VersionResource,
} from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Page } from '../db/paging.ts';
import type { Point } from '../db/points.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { pathFields } from '../resources/paths.ts';
import { isoTime } from '../resources/time.ts';
import type { BrowseTask } from './browse-tasks.ts';

/** How long a Transporter may take for one look, ms. */
const PATIENCE = 60_000;

export interface Folder {
  path: Buffer;
  /** In the filesystems of the disk that `path` names. */
  inside?: Buffer;
  limit: number;
  cursor?: Buffer;
}

/** One page of a folder of a recovery point, read by a source Transporter: the Director never sees chunks. */
export async function listEntries(context: Context, point: Point, folder: Folder): Promise<Page<EntryResource>> {
  refuseAbsolute(folder.path, folder.inside);
  const session = readerOf(context, point);
  using task = context.browsing.begin(session.transporter.id, point, kindOf(folder, 'entries'));
  const asked = { ...lookFields(task), ...folder, limit: Math.min(folder.limit, MAX_ENTRIES_PAGE) };
  return pageOf(await session.peer.call('point.entries', asked, AbortSignal.timeout(PATIENCE)));
}

/** A stretch of a search through a recovery point. */
export async function findEntries(
  context: Context,
  point: Point,
  folder: Folder & { filter: EntryFilter },
): Promise<Page<EntryResource>> {
  refuseAbsolute(folder.path, folder.inside);
  const session = readerOf(context, point);
  using task = context.browsing.begin(session.transporter.id, point, kindOf(folder, 'find'));
  const asked = { ...lookFields(task), ...folder, limit: Math.min(folder.limit, MAX_FOUND_PAGE) };
  return pageOf(await session.peer.call('point.find', asked, AbortSignal.timeout(PATIENCE)));
}

/** The chunks of a disk are opened for nobody who has not asked for what is inside of it. */
function kindOf({ inside }: Folder, kind: BrowseTask['kind']): BrowseTask['kind'] {
  return inside === undefined ? kind : 'inside';
}

/** What one recovery point has under a path. A point that cannot be read says why, and the others are still asked. */
export async function versionIn(context: Context, point: Point, path: Buffer): Promise<VersionResource> {
  refuseAbsolute(path);
  const base = { point: point.id, createdAt: isoTime(point.createdAt) };
  try {
    const session = readerOf(context, point);
    using task = context.browsing.begin(session.transporter.id, point, 'entries');
    const asked = { ...lookFields(task), path };
    const { entry } = await session.peer.call('point.stat', asked, AbortSignal.timeout(PATIENCE));
    return entry === undefined ? base : { ...base, entry: entryResource(entry) };
  } catch (thrown) {
    return { ...base, problem: toFailure(thrown).toJSON() };
  }
}

/** What a Transporter is told of the point that it is to look into. */
export function lookFields({ taskId, point }: BrowseTask): Omit<Params<'point.stat'>, 'path'> {
  const { job, repository, mode, authority } = point;
  return {
    taskId,
    jobId: job.id,
    pointId: point.id,
    repositoryId: repository.id,
    mode,
    ...(authority === undefined ? {} : { authority: authority.certificate }),
  };
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

export function refuseAbsolute(...paths: (Buffer | undefined)[]): void {
  if (!paths.some((path) => path !== undefined && isAbsolute(path.toString('latin1')))) return;
  throw fail('request-invalid', 'Paths inside a recovery point begin with a name, not with a slash.');
}

function pageOf({ entries, next }: { entries: Entry[]; next?: Buffer }): Page<EntryResource> {
  return { items: entries.map(entryResource), ...(next === undefined ? {} : { next: next.toString('base64url') }) };
}

export function entryResource({ path, linkTarget, content, ...entry }: Entry): EntryResource {
  return {
    ...pathFields(path),
    ...entry,
    ...(linkTarget === undefined ? {} : { linkTarget: linkTarget.toString('utf8') }),
    ...(content === undefined ? {} : { content: content.toString('hex') }),
  };
}
