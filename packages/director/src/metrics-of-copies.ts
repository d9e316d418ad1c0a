import { Gauge, type Registry } from 'prom-client';
import { isLate } from './copies/copy-schedule.ts';
import { everyCopyRule } from './db/copy-rules.ts';
import { copyOutcomes } from './db/copy-runs.ts';
import type { MetricSources } from './metrics.ts';

export function addCopyGauges(registry: Registry, { db, timeZone }: MetricSources): void {
  new Gauge({
    name: 'sealift_copy_overdue',
    help: '1 if the standing copy was due twice since it last ended well',
    labelNames: ['copy'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const rule of await everyCopyRule(db)) {
        this.set({ copy: rule.name }, Number(isLate(rule, timeZone, Date.now())));
      }
    },
  });
  new Gauge({
    name: 'sealift_copy_last_run_failed',
    help: '1 if the last run of the standing copy has failed or was cancelled',
    labelNames: ['copy'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { copy, state } of await copyOutcomes(db)) {
        if (state !== null) this.set({ copy }, Number(state === 'failed' || state === 'cancelled'));
      }
    },
  });
  new Gauge({
    name: 'sealift_copy_last_success_timestamp_seconds',
    help: 'When a run of the standing copy last ended well',
    labelNames: ['copy'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { copy, succeeded_at } of await copyOutcomes(db)) {
        if (succeeded_at !== null) this.set({ copy }, succeeded_at / 1000);
      }
    },
  });
}
