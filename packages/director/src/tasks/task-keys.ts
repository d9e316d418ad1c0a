import { type OpenDomain, openDomain, sealTaskKeys, uuidBytes } from '@sealift/crypto';
import { type Params, type Result, taskKeysContext } from '@sealift/wire';
import type { Context } from '../context.ts';
import { type Password, passwordById } from '../db/passwords.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { grantOf } from './grant.ts';

/**
 * The keys of a source-side task, sealed to the key the task made for this: for a backup those of one new run, for
 * reading those of the runs the recovery point lists. Run keys are derived here and kept nowhere.
 */
export async function giveTaskKeys(
  context: Context,
  session: Session,
  { taskId, publicKey, runs }: Params<'task.keys'>,
): Promise<Result<'task.keys'>> {
  const grant = await grantOf(context, session, taskId);
  const password = grant.passwordId === undefined ? undefined : await passwordById(context.db, grant.passwordId);
  if (password === undefined) throw fail('password-mismatch', `The task ${taskId} has no encryption password.`);
  if ((runs === undefined) !== (grant.use === 'write')) {
    throw fail('request-invalid', 'A backup gets the key of a new run; whoever reads names the runs of the point.');
  }
  const domain = await unlock(context, password);
  const keys = {
    domainId: domain.domainId,
    idKey: domain.chunkKeys.idKey,
    cutKey: domain.chunkKeys.cutKey,
    runs: runs?.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)) ?? [domain.newRun()],
  };
  context.log.info({ run: grant.runId, password: password.name, use: grant.use }, 'keys handed to a task');
  const sealed = sealTaskKeys(publicKey, keys, taskKeysContext(taskId, grant.use));
  return { sealed, descriptor: password.descriptor };
}

async function unlock({ wrapper }: Context, password: Password): Promise<OpenDomain> {
  const hash = await wrapper.unwrap(password.wrappedHash, wrapContext(password));
  try {
    return openDomain(hash, password.descriptor);
  } finally {
    hash.fill(0);
  }
}

/** What a wrapped password hash is bound to. */
export function wrapContext({ domainId, epoch }: { domainId: string; epoch: number }) {
  return { purpose: 'ph-wrap', domainId: uuidBytes(domainId), epoch };
}
