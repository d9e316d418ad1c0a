import { Gauge, type Registry } from 'prom-client';
import { frozenJobs } from './db/job-retention.ts';
import type { MetricSources } from './metrics.ts';

export function addRetentionGauges(registry: Registry, { db }: MetricSources): void {
  new Gauge({
    name: 'sealift_job_frozen',
    help: '1 while no recovery point of the job is removed automatically, because a run looked like an attack',
    labelNames: ['job'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { job, frozen } of await frozenJobs(db)) this.set({ job }, frozen);
    },
  });
}
