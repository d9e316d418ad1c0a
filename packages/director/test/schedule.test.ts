import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { pauseJob, resumeJob, scheduledJobs, setSchedule } from '../src/db/job-schedules.ts';
import { addJob } from '../src/db/jobs.ts';
import { openSqlite } from '../src/db/sqlite.ts';
import { checkSchedule, dueTimes, isOverdue } from '../src/schedule/cron.ts';
import { newJob, openTheatre, runWhen, type Theatre } from './support/stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEARLY = '0 0 1 1 *';

/** The Director ends, time passes for its schedules, and it starts again. */
async function downFor(stage: Theatre, duration: number): Promise<void> {
  await stage.director.close();
  {
    using database = new DatabaseSync(join(stage.data, 'director.sqlite'));
    database
      .prepare('UPDATE jobs SET due_since = due_since - ?, scheduled_at = scheduled_at - ?')
      .run(duration, duration);
  }
  await stage.restart();
  await Promise.all([stage.source.connected(), stage.target.connected()]);
}

async function metrics({ director }: Theatre): Promise<string> {
  const ca = await readFile(director.authorityFile);
  return new Promise((resolve, reject) => {
    get(`${director.url}/metrics`, { ca }, async (answer) => {
      resolve((await Array.fromAsync(answer)).join(''));
    }).on('error', reject);
  });
}

t.test('times are those of the time zone, and none is lost or doubled when clocks change', async (t) => {
  const next = (expression: string, after: string, zone = 'Europe/Berlin') =>
    new Date(dueTimes(expression, zone)(Date.parse(after)) ?? 0).toISOString();
  t.equal(next('30 2 * * *', '2026-11-24T12:00:00Z'), '2026-11-25T01:30:00.000Z');
  t.equal(next('30 2 * * *', '2026-11-24T12:00:00Z', 'UTC'), '2026-11-25T02:30:00.000Z');
  t.equal(next('0 12 * * *', '2026-10-24T12:00:00Z'), '2026-10-25T11:00:00.000Z', 'a day of 25 hours');
  t.equal(next('0 12 * * *', '2026-03-28T12:00:00Z'), '2026-03-29T10:00:00.000Z', 'a day of 23 hours');
  const missing = next('30 2 * * *', '2026-03-28T12:00:00Z');
  t.match(missing, /^2026-03-29T0[01]:/, 'a time that the night of spring lacks is made up for that night');
  const twice = next('30 2 * * *', '2026-10-24T12:00:00Z');
  t.match(next('30 2 * * *', twice), /^2026-10-26T01:30/, 'one that the night of autumn has twice is due once');
});

t.test('what is no schedule is refused, and told apart from one that never comes', async (t) => {
  for (const wrong of ['', 'daily', '61 * * * *', '* * * *', '0 0 0 1 1 *', '@often']) {
    t.throws(() => checkSchedule(wrong, 'UTC'), { code: 'schedule-invalid' }, wrong);
  }
  t.throws(() => checkSchedule('0 0 31 2 *', 'UTC'), { code: 'schedule-invalid', message: /never comes/ });
  checkSchedule('*/15 8-18 * * 1-5', 'UTC');
  checkSchedule('@daily', 'UTC');
});

t.test('a job is overdue when it was due twice since its last success', async (t) => {
  const due = dueTimes('0 2 * * *', 'UTC');
  const success = Date.parse('2026-11-20T02:40:00Z');
  t.notOk(isOverdue(due, success, Date.parse('2026-11-22T01:59:00Z')), 'the run of the 21st may still be under way');
  t.ok(isOverdue(due, success, Date.parse('2026-11-22T02:00:00Z')));
});

t.test('all that was missed while the Director was down is made up for by one run', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  const job = await newJob(stage, 'photos', { schedule: YEARLY });
  t.match(job, { schedule: YEARLY, nextRunAt: /-01-01T00:00:00/ });
  t.match(await metrics(stage), /sealift_job_overdue\{job="photos"\} 0/);
  await downFor(stage, 3 * 366 * DAY);
  const task = await stage.source.task(0);
  t.match(await metrics(stage), /sealift_job_overdue\{job="photos"\} 1/);
  await stage.source.finish(task);
  await runWhen(stage, task.taskId, ({ state }) => state === 'done');
  t.match(await metrics(stage), /sealift_job_overdue\{job="photos"\} 0/);
  await downFor(stage, 0);
  const { items } = await client.call('listRuns', { query: { job: 'photos' } });
  t.equal(items.length, 1);
});

t.test('schedules are changed and taken away, jobs paused and resumed', async (t) => {
  await using stage = await openTheatre();
  const { client } = stage;
  const params = { id: 'photos' };
  t.notOk('schedule' in (await newJob(stage, 'photos')));
  await t.rejects(newJob(stage, 'other', { schedule: 'every day' }), { code: 'schedule-invalid' });
  await t.rejects(client.call('updateJob', { params, body: { schedule: '99 * * * *' } }), { code: 'schedule-invalid' });
  t.match(await client.call('updateJob', { params, body: { schedule: YEARLY } }), { schedule: YEARLY });
  const paused = await client.call('pauseJob', { params });
  t.ok(paused.pausedAt !== undefined && paused.nextRunAt === undefined);
  t.equal((await client.call('pauseJob', { params })).pausedAt, paused.pausedAt);
  t.notMatch(await metrics(stage), /sealift_job_overdue\{job="photos"\}/);
  const resumed = await client.call('resumeJob', { params });
  t.ok(resumed.pausedAt === undefined && resumed.nextRunAt !== undefined);
  t.notOk('schedule' in (await client.call('updateJob', { params, body: { schedule: null } })));
});

t.test('a paused job is not due, and what was due meanwhile is not made up for', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-schedule-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await using db = await openSqlite(join(folder, 'director.sqlite'));
  await db.run(`INSERT INTO transporters (id, name, role, enrolled_at, key_hash, certificate_expires_at)
    VALUES ('t', 'vault', 'target', 0, x'00', 0)`);
  await db.run(`INSERT INTO repositories (id, name, transporter_id, path, created_at) VALUES ('r', 's', 't', '/b', 0)`);
  const fields = { paths: [], encryption: 'in-flight', compression: 'auto', exclude: [], createdAt: 5 } as const;
  await addJob(db, {
    id: 'j',
    name: 'photos',
    transporterId: 't',
    repositoryId: 'r',
    ...fields,
    paths: [],
    exclude: [],
    reading: {},
  });
  await setSchedule(db, 'j', YEARLY, 10);
  t.match(await scheduledJobs(db), [{ id: 'j', dueSince: 10, goodSince: 10 }]);
  await pauseJob(db, 'j', 20);
  t.same(await scheduledJobs(db), []);
  await resumeJob(db, 'j', 30);
  t.match(await scheduledJobs(db), [{ id: 'j', dueSince: 30, goodSince: 30 }]);
});
