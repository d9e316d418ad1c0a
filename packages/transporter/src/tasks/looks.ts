import {
  findEntries,
  type LinkToPoint,
  type LookedPlace,
  listEntries,
  type PointOptions,
  samplePoint,
  statEntry,
} from '@sealift/pipeline';
import type { Params, Result } from '@sealift/wire';
import { dialTarget, keysForLook, type TaskContext } from './context.ts';

/** How a recovery point is looked into for somebody: over a link of its own, with the keys of what is read alone. */
export function lookAt(
  { taskId, jobId, pointId, repositoryId, mode, authority }: Omit<Params<'point.stat'>, 'path'>,
  context: TaskContext,
  signal: AbortSignal,
): PointOptions & LinkToPoint {
  return {
    // A look is no run: its tickets name the task instead.
    runId: taskId,
    jobId,
    pointId,
    repositoryId,
    authority: authority ?? context.identity().authority,
    connect: (attempt) => dialTarget(taskId, context, attempt),
    ...(mode === 'source-side' ? { look: keysForLook(taskId, context, signal) } : {}),
  };
}

/** What is looked at: in the tree of the point, or inside of a disk of it. */
export function placeOf({ path, inside }: { path: Buffer; inside?: Buffer }): LookedPlace {
  return { path, ...(inside === undefined ? {} : { inside }) };
}

/** One page of a folder of a recovery point. */
export async function entries(
  params: Params<'point.entries'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.entries'>> {
  const { limit, cursor } = params;
  const page = { ...placeOf(params), limit, ...(cursor === undefined ? {} : { cursor }) };
  return listEntries({ ...lookAt(params, context, signal), ...page }, signal);
}

/** A stretch of a search. */
export async function find(
  params: Params<'point.find'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.find'>> {
  const { filter, limit, cursor } = params;
  const page = { ...placeOf(params), filter, limit, ...(cursor === undefined ? {} : { cursor }) };
  return findEntries({ ...lookAt(params, context, signal), ...page }, signal);
}

export async function stat(
  params: Params<'point.stat'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.stat'>> {
  return statEntry({ ...lookAt(params, context, signal), ...placeOf(params) }, signal);
}

/** Opens a recovery point and decrypts a sample of it. */
export async function sample(
  params: Params<'point.sample'>,
  context: TaskContext,
  signal: AbortSignal,
): Promise<Result<'point.sample'>> {
  const { hash, files } = params;
  return samplePoint({ ...lookAt(params, context, signal), hash, files }, signal);
}
