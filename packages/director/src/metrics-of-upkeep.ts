import type { VerifyReport } from '@sealift/wire';
import { Gauge, type Registry } from 'prom-client';
import { latestVerifications } from './db/verifications.ts';
import type { MetricSources } from './metrics.ts';

const FIGURES: [name: string, help: string, read: (report: VerifyReport) => number | undefined][] = [
  [
    'last_verified_timestamp_seconds',
    'Everything in the repository was read and checked at this time or later',
    ({ verifiedSince }) => (verifiedSince === undefined ? undefined : verifiedSince / 1000),
  ],
  [
    'damaged_chunks',
    'Chunks of the repository that the last verification found damaged or missing',
    ({ damagedChunks, missingChunks }) => damagedChunks + missingChunks,
  ],
  [
    'damaged_files',
    'Files of the repository that the last verification found damaged',
    (report) => report.damagedFiles,
  ],
];

/** What the newest verification of each repository has found. */
export function addVerificationGauges(registry: Registry, { db }: MetricSources): void {
  for (const [name, help, read] of FIGURES) {
    new Gauge({
      name: `sealift_repository_${name}`,
      help,
      labelNames: ['repository'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const { repository, report } of await latestVerifications(db)) {
          const value = read(report);
          if (value !== undefined) this.set({ repository }, value);
        }
      },
    });
  }
}
