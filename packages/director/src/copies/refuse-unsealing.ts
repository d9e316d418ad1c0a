import type { Context } from '../context.ts';
import { jobById } from '../db/jobs.ts';
import { recordedSlots } from '../db/key-slots.ts';
import { fail } from '../failures.ts';

interface Named {
  id: string;
  name: string;
}

/**
 * In-flight points leave the encryption at rest of their repository with a copy, and are sealed anew only where the other
 * one is encrypted, too. Somebody has to have said that this is meant. @throws Failure `copy-unseals`
 */
export async function refuseUnsealing(
  context: Context,
  { from, to }: { from: Named; to: Named },
  { inFlight, unsealed }: { inFlight: boolean; unsealed: boolean | undefined },
): Promise<void> {
  if (!inFlight || unsealed === true) return;
  if (!(await isEncrypted(context, from)) || (await isEncrypted(context, to))) return;
  throw fail(
    'copy-unseals',
    `${from.name} is encrypted at rest, and ${to.name} is not: in-flight points would lie there in the clear.`,
  );
}

/** Whether a standing copy may come upon in-flight points: one of all jobs may, for jobs can be added. */
export async function mayHoldInFlight({ db }: Context, jobs: string[] | undefined): Promise<boolean> {
  if (jobs === undefined) return true;
  for (const id of jobs) if ((await jobById(db, id))?.encryption === 'in-flight') return true;
  return false;
}

/** A target that is away tells nothing, but its slots were recorded when they were made. */
async function isEncrypted({ db, repositories }: Context, { id }: Named): Promise<boolean> {
  return repositories.of(id)?.keys !== undefined || (await recordedSlots(db, id)).length > 0;
}
