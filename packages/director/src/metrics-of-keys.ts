import { Gauge, type Registry } from 'prom-client';
import { latestDrills } from './db/drills.ts';
import { everyRepository } from './db/repositories.ts';
import type { MetricSources } from './metrics.ts';

export function addKmsGauge(registry: Registry, { kmsUp }: MetricSources): void {
  new Gauge({
    name: 'sealift_kms_up',
    help: '1 while what wraps password hashes answers',
    registers: [registry],
    collect() {
      this.set(kmsUp() ? 1 : 0);
    },
  });
}

/** Repositories that are encrypted at rest. */
export function addLockGauge(registry: Registry, { db, repositories }: MetricSources): void {
  new Gauge({
    name: 'sealift_repository_locked',
    help: '1 while the repository waits for a key to be unlocked, 0 while it is unlocked',
    labelNames: ['repository'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { id, name } of await everyRepository(db)) {
        const locked = repositories.of(id)?.keys?.locked;
        if (locked !== undefined) this.set({ repository: name }, locked ? 1 : 0);
      }
    },
  });
}

/** Whether the newest recovery point of each job opens, by each way to its keys. */
export function addDrillGauges(registry: Registry, { db }: MetricSources): void {
  new Gauge({
    name: 'sealift_key_drill_success',
    help: '1 if the last key drill of the job opened its newest recovery point this way',
    labelNames: ['job', 'way'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { job, way, passed } of await latestDrills(db)) this.set({ job, way }, passed);
    },
  });
  new Gauge({
    name: 'sealift_key_drill_last_success_timestamp_seconds',
    help: 'When a key drill of the job last succeeded this way',
    labelNames: ['job', 'way'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { job, way, passed_at } of await latestDrills(db)) {
        if (passed_at !== null) this.set({ job, way }, passed_at / 1000);
      }
    },
  });
}
