import { Gauge, type Registry } from 'prom-client';
import { scheduledJobs } from './db/job-schedules.ts';
import type { MetricSources } from './metrics.ts';
import { dueTimes, isOverdue } from './schedule/cron.ts';

export function addScheduleGauge(registry: Registry, { db, timeZone }: MetricSources): void {
  new Gauge({
    name: 'sealift_job_overdue',
    help: '1 if the job was due twice since a run of it last made a recovery point',
    labelNames: ['job'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { name, schedule, goodSince } of await scheduledJobs(db)) {
        this.set({ job: name }, Number(isOverdue(dueTimes(schedule, timeZone), goodSince, Date.now())));
      }
    },
  });
}
