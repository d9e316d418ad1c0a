import type { ExplanationResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Job } from '../db/jobs.ts';
import { passwordById } from '../db/passwords.ts';
import { repositoryById } from '../db/repositories.ts';
import { describeRetention } from '../retention/describe.ts';
import { explain } from './explanation.ts';

/** What holds for a run of the job that would begin now. */
export async function explainJob({ db, wrapping, timeZone }: Context, job: Job): Promise<ExplanationResource> {
  const repository = await repositoryById(db, job.repositoryId);
  const password = job.password === undefined ? undefined : await passwordById(db, job.password.id);
  const retention = describeRetention(job, { repositoryDays: repository?.immutableDays ?? 0, timeZone });
  const explanation = explain({
    job: { id: job.id, name: job.name },
    encryption: job.encryption,
    source: job.transporterName,
    target: repository?.transporterName ?? 'the target',
    repository: job.repositoryName,
    ...(password === undefined ? {} : { keep: password.keep }),
    kms: wrapping.current.provider,
  });
  return { ...explanation, retention };
}
