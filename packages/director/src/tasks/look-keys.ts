import { type ChunkType, chunkKey, manifestKey, sealChunkKey, sealPointKeys } from '@sealift/crypto';
import { type Params, type Result, taskKeysContext } from '@sealift/wire';
import type { Context } from '../context.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { openWantedDomain, type WantedDomain } from '../keys/open-domain.ts';
import { type BrowseTask, LOOKS } from './browse-tasks.ts';
import { permittedRuns, refuseForeignMaker, runName } from './point-runs.ts';

/**
 * For a look into a source-side point: what shows that the point is genuine. A look gets the key of no run, or each key
 * drill would give a source that was taken over the keys of all that its points were ever deduplicated against.
 */
export async function givePointKeys(
  context: Context,
  session: Session,
  { taskId, publicKey, runs, descriptor }: Params<'point.keys'>,
): Promise<Result<'point.keys'>> {
  const look = lookOf(context, session, taskId);
  const { point, way } = look;
  const [maker] = runs;
  if (point.domain === undefined || maker === undefined) {
    throw fail('password-mismatch', `The recovery point ${point.id} has no encryption password.`);
  }
  await refuseForeignMaker(context, point, maker);
  const permitted = await permittedRuns(context, point, runs);
  if (!permitted.includes(maker)) throw fail('not-permitted', `Point ${point.id} was made by another run.`);
  const wanted: WantedDomain = { domainId: point.domain.id, use: 'read', descriptor, givenFor: [point.id], way };
  const { domain, way: taken } = await openWantedDomain(context, wanted);
  look.opened = { domain, runs: new Set(permitted.map(runName)) };
  context.log.info({ point: point.id, domain: point.domain.id, way: taken, look: look.kind }, 'look into a point');
  const keys = {
    idKey: domain.chunkKeys.idKey,
    manifestKey: manifestKey(domain.runKey(maker.runSalt, maker.epoch)),
    commitments: runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch).commitment),
  };
  return { sealed: sealPointKeys(publicKey, keys, taskKeysContext(taskId, 'read')) };
}

/** The key of one chunk of a run that the point refers to; of a kind and number that the look needs. */
export async function giveChunkKey(
  context: Context,
  session: Session,
  { taskId, publicKey, chunk }: Params<'chunk.key'>,
): Promise<Result<'chunk.key'>> {
  const look = lookOf(context, session, taskId);
  const { types, chunks } = LOOKS[look.kind];
  if (look.opened?.runs.has(runName(chunk)) !== true || !types.includes(chunk.type as ChunkType)) {
    throw fail('not-permitted', `A look into recovery point ${look.point.id} does not open such a chunk.`);
  }
  if (++look.chunksGiven > chunks) {
    throw fail('not-permitted', `A look into recovery point ${look.point.id} opens at most ${chunks} chunks.`);
  }
  const run = look.opened.domain.runKey(chunk.runSalt, chunk.epoch);
  const key = chunkKey(run, { type: chunk.type as ChunkType, id: chunk.id, random: chunk.random });
  return { sealed: sealChunkKey(publicKey, key, taskKeysContext(taskId, 'read')) };
}

function lookOf({ browsing }: Context, { transporter }: Session, taskId: string): BrowseTask {
  const look = browsing.of(taskId);
  if (look !== undefined && look.transporterId === transporter.id) return look;
  throw fail('task-unknown', `The Transporter ${transporter.name} takes no look ${taskId}.`);
}
