import type { RequestPart } from '@sealift/wire';
import { refuseAdopted } from '../adopt/refuse-adopted.ts';
import type { Context } from '../context.ts';
import { checkBandwidth, spreadBandwidth } from '../control/bandwidth.ts';
import { setJobBandwidth } from '../db/bandwidth.ts';
import { changeRetention } from '../db/job-retention.ts';
import { setSchedule } from '../db/job-schedules.ts';
import { type Job, jobNamed, setReading } from '../db/jobs.ts';
import { confirmRule } from '../retention/confirm-rule.ts';
import { checkSchedule } from './cron.ts';
import { refuseRemoved } from './refuse-removed.ts';

type Changes = RequestPart<'updateJob', 'body'>;

/** Changes what was asked for, once all of it is known to make sense. */
export async function changeJob(context: Context, reference: string, changes: Changes): Promise<Job> {
  const { db, log } = context;
  const job = refuseRemoved(await jobNamed(db, reference));
  await confirmRule(context, job, changes);
  const { confirm: _, schedule, reading, bandwidth, ...retention } = changes;
  await check(context, job, changes);
  await changeRetention(db, job.id, retention);
  if (schedule !== undefined) await setSchedule(db, job.id, schedule, Date.now());
  if (reading !== undefined) await setReading(db, job.id, { ...job.reading, ...reading });
  if (bandwidth !== undefined) {
    await setJobBandwidth(db, job.id, bandwidth);
    await spreadBandwidth(context);
  }
  log.info({ audit: 'job', job: job.name, schedule, reading, bandwidth, ...retention }, 'job changed');
  return await jobNamed(db, job.id);
}

async function check(context: Context, job: Job, { schedule, reading, bandwidth }: Changes): Promise<void> {
  if (typeof schedule === 'string' || reading !== undefined) refuseAdopted(job);
  if (typeof schedule === 'string') checkSchedule(schedule, context.timeZone);
  if (typeof bandwidth === 'string') await checkBandwidth(context, bandwidth);
}
