import { runsDigest } from '@sealift/crypto';
import type { Params } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Point } from '../db/points.ts';
import { repositoryById } from '../db/repositories.ts';
import { runKeysOf } from '../db/run-keys.ts';
import { raiseAlarm } from '../events/alarms.ts';
import { fail } from '../failures.ts';

export type RunReference = Params<'point.keys'>['runs'][number];

/** How long a target may take to look all references of a point up, ms. */
const PATIENCE = 5 * 60_000;
/** Points of which it is remembered: a listing of many pages asks the target once. */
const REMEMBERED = 256;

/** Which runs recovery points refer to, on the word of their targets. Of a whole point this never changes. */
export class PointRuns {
  readonly #known = new Map<string, Set<string>>();

  of(pointId: string): Set<string> | undefined {
    return this.#known.get(pointId);
  }

  remember(pointId: string, runs: Set<string>): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(pointId, runs);
  }
}

export function runName({ runSalt, epoch }: RunReference): string {
  return `${runSalt.toString('hex')}-${epoch}`;
}

/**
 * Of the runs that a reader says the point lists, those whose keys it may have. Neither the reader nor the source that
 * made the point is believed: the target says what the point refers to, and a list that names more is refused. Only where
 * chunks are lost, so that the target cannot know their runs, the rest is given.
 * @throws Failure `not-permitted`
 */
export async function permittedRuns(context: Context, point: Point, named: RunReference[]): Promise<RunReference[]> {
  if (point.runsHash !== undefined && !runsDigest(named).equals(point.runsHash)) {
    throw fail('not-permitted', `The runs that were named are not those of recovery point ${point.id}.`);
  }
  const { runs, whole } = await referredTo(context, point);
  const permitted = named.filter((run) => runs.has(runName(run)));
  const foreign = named.length - permitted.length;
  if (foreign === 0 || !whole) return permitted;
  await raiseAlarm(context, {
    code: 'point-runs-differ',
    message: `Recovery point ${point.id} lists ${foreign} runs that it does not refer to; their keys were not given out.`,
    advice: `Find out whether the source ${point.source.name} was tampered with; revoke it if in doubt.`,
    job: point.job,
    point: point.id,
  });
  throw fail('not-permitted', `${foreign} of the runs that were named have nothing to do with point ${point.id}.`);
}

/** A key of the run that made a point authenticates its manifest; it was made here, for the run of the same id. */
export async function refuseForeignMaker({ db }: Context, point: Point, maker: RunReference): Promise<void> {
  const made = await runKeysOf(db, point.id);
  if (made.length === 0 || made.some(({ runSalt }) => runSalt.equals(maker.runSalt))) return;
  throw fail('not-permitted', `The run that was named did not make recovery point ${point.id}.`);
}

async function referredTo(context: Context, point: Point): Promise<{ runs: Set<string>; whole: boolean }> {
  const known = context.pointRuns.of(point.id);
  if (known !== undefined) return { runs: known, whole: true };
  const repository = await repositoryById(context.db, point.repository.id);
  const target = { id: repository?.transporterId ?? '', name: repository?.transporterName ?? point.repository.name };
  const { peer } = context.connections.required(target);
  const asked = { repositoryId: point.repository.id, pointId: point.id };
  const answer = await peer.call('point.runs', asked, AbortSignal.timeout(PATIENCE));
  if (!answer.hash.equals(point.hash)) {
    throw fail('not-permitted', `The target ${target.name} has another recovery point ${point.id} than was recorded.`);
  }
  const runs = new Set(answer.runs.map(runName));
  if (answer.missing === 0) context.pointRuns.remember(point.id, runs);
  return { runs, whole: answer.missing === 0 };
}
