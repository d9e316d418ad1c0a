import { describeDomain, runsDigest, sealTaskKeys, uuidText } from '@sealift/crypto';
import { type Params, type Result, taskKeysContext } from '@sealift/wire';
import type { Context } from '../context.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { openWantedDomain, type WantedDomain } from '../keys/open-domain.ts';
import { type Grant, grantOf } from './grant.ts';

/**
 * The keys of a source-side task, sealed to the key the task made for this: for a backup those of one new run, for
 * reading those of the runs the recovery point lists. Run keys are derived here and kept nowhere.
 */
export async function giveTaskKeys(
  context: Context,
  session: Session,
  params: Params<'task.keys'>,
): Promise<Result<'task.keys'>> {
  const { taskId, publicKey, runs } = params;
  const grant = await grantOf(context, session, taskId);
  const wanted = wantedDomain(grant, params);
  if ((runs === undefined) !== (grant.use === 'write')) {
    throw fail('request-invalid', 'A backup gets the key of a new run; whoever reads names the runs of the point.');
  }
  refuseOtherRuns(grant, runs);
  const { domain, descriptor, way } = await openWantedDomain(context, wanted);
  const keys = {
    domainId: domain.domainId,
    idKey: domain.chunkKeys.idKey,
    cutKey: domain.chunkKeys.cutKey,
    runs: runs?.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)) ?? [domain.newRun()],
  };
  context.log.info({ run: grant.runId, domain: wanted.domainId, way, use: grant.use }, 'keys handed to a task');
  const sealed = sealTaskKeys(publicKey, keys, taskKeysContext(taskId, grant.use));
  return { sealed, descriptor };
}

/** The domain that the Director recorded, whatever descriptor a source presents. */
function wantedDomain(grant: Grant, { taskId, descriptor }: Params<'task.keys'>): WantedDomain {
  const { domainId } = grant;
  if (domainId === undefined) throw fail('password-mismatch', `The task ${taskId} has no encryption password.`);
  if (descriptor !== undefined && uuidText(describeDomain(descriptor).domainId) !== domainId) {
    throw fail('request-invalid', `The task ${taskId} presents the descriptor of another encryption domain.`);
  }
  const givenFor = grant.pointId === undefined ? [grant.runId] : [grant.runId, grant.pointId];
  return { domainId, descriptor, givenFor, way: grant.way };
}

/** A Transporter that is to read one point gets no key of another one. */
function refuseOtherRuns({ runsHash, pointId }: Grant, runs: Params<'task.keys'>['runs']): void {
  if (runsHash === undefined || runs === undefined || runsDigest(runs).equals(runsHash)) return;
  throw fail('not-permitted', `The runs that were named are not those of recovery point ${pointId}.`);
}
