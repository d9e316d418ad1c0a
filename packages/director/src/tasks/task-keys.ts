import { describeDomain, type OpenDomain, type RunKey, sealTaskKeys, uuidText } from '@sealift/crypto';
import { type Params, type Result, taskKeysContext } from '@sealift/wire';
import type { Context } from '../context.ts';
import { recordRunKey } from '../db/run-keys.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { openWantedDomain, type WantedDomain } from '../keys/open-domain.ts';
import { type Grant, grantOf } from './grant.ts';
import { permittedRuns, type RunReference } from './point-runs.ts';

/**
 * The keys of a source-side run, sealed to the key the task made for this: for a backup those of one new run, for a
 * restore those of the runs the recovery point refers to. Run keys are derived here and kept nowhere.
 */
export async function giveTaskKeys(
  context: Context,
  session: Session,
  params: Params<'task.keys'>,
): Promise<Result<'task.keys'>> {
  const { taskId, publicKey, runs: named } = params;
  const grant = await grantOf(context, session, taskId);
  const wanted = wantedDomain(grant, params);
  if ((named === undefined) !== (grant.use === 'write')) {
    throw fail('request-invalid', 'A backup gets the key of a new run; whoever reads names the runs of the point.');
  }
  const permitted = named === undefined ? undefined : await permittedForReading(context, grant, named);
  const { domain, descriptor, way } = await openWantedDomain(context, wanted);
  const runs =
    permitted === undefined
      ? [await newRun(context, grant, domain)]
      : permitted.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch));
  const { idKey, cutKey } = domain.chunkKeys;
  context.log.info({ run: grant.runId, domain: wanted.domainId, way, use: grant.use }, 'keys handed to a task');
  const keys = { domainId: domain.domainId, idKey, cutKey, runs };
  return { sealed: sealTaskKeys(publicKey, keys, taskKeysContext(taskId, grant.use)), descriptor };
}

/** The domain that the Director recorded, whatever descriptor a source presents. */
function wantedDomain(grant: Grant, { taskId, descriptor }: Params<'task.keys'>): WantedDomain {
  const { domainId, use } = grant;
  if (domainId === undefined) throw fail('password-mismatch', `The task ${taskId} has no encryption password.`);
  if (descriptor !== undefined && uuidText(describeDomain(descriptor).domainId) !== domainId) {
    throw fail('request-invalid', `The task ${taskId} presents the descriptor of another encryption domain.`);
  }
  const givenFor = grant.point === undefined ? [grant.runId] : [grant.runId, grant.point.id];
  return { domainId, use, descriptor, givenFor };
}

/** A restore gets keys of runs, for it opens chunks by the million; a look gets those of chunks. */
async function permittedForReading(context: Context, grant: Grant, named: RunReference[]): Promise<RunReference[]> {
  if (grant.point === undefined || grant.look) {
    throw fail('not-permitted', 'A look into a recovery point gets the key of no run.');
  }
  return await permittedRuns(context, grant.point, named);
}

/** Written down before it is handed out, so that a point is known by the key it was really made with. */
async function newRun({ db }: Context, { runId, passwordId = '' }: Grant, domain: OpenDomain): Promise<RunKey> {
  const run = domain.newRun();
  const { runSalt, epoch } = run;
  await recordRunKey(db, { runSalt, runId, passwordId, domainId: uuidText(domain.domainId), epoch });
  return run;
}
