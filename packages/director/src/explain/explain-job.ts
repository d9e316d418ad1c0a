import type { ExplanationResource, KeySlot } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { repositoryById } from '../db/repositories.ts';
import { slotKeysOf } from '../db/repository-keys.ts';
import { describeRetention } from '../retention/describe.ts';
import { type AtRest, explain } from './explanation.ts';

/** What holds for a run of the job that would begin now. */
export async function explainJob(context: Context, job: Job): Promise<ExplanationResource> {
  const { db, wrapping, repositories, timeZone } = context;
  const repository = await repositoryById(db, job.repositoryId);
  const password = job.password === undefined ? undefined : await passwordById(db, job.password.id);
  const slots = repositories.of(job.repositoryId)?.keys?.slots;
  const retention = describeRetention(job, { repositoryDays: repository?.immutableDays ?? 0, timeZone });
  const explanation = explain({
    job: { id: job.id, name: job.name },
    encryption: job.encryption,
    source: job.transporterName,
    target: repository?.transporterName ?? 'the target',
    repository: job.repositoryName,
    ...(password === undefined ? {} : { keep: password.keep }),
    kms: wrapping.current.provider,
    ...(slots === undefined ? {} : { atRest: await atRestOf(db, job.repositoryId, slots) }),
  });
  return { ...explanation, retention };
}

/** Who can unlock it without being given anything. */
async function atRestOf(db: Context['db'], repositoryId: string, slots: KeySlot[]): Promise<AtRest> {
  const byDirector = (await slotKeysOf(db, repositoryId)).length > 0;
  return { slots: [...new Set(slots.map(({ kind }) => kind))], byDirector };
}
