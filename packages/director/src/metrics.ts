import type { Progress } from '@sealift/wire';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { countDifferences } from './db/comparisons.ts';
import type { Database } from './db/database.ts';
import { countPoints } from './db/points.ts';
import { listRepositories } from './db/repositories.ts';
import { isUpkeepRun, type Run } from './db/run.ts';
import { jobOutcomes } from './db/runs.ts';
import { allTransporters } from './db/transporters.ts';
import type { Connections } from './inventory/connections.ts';
import type { OpenRepositories } from './inventory/open-repositories.ts';
import type { RunBoard } from './inventory/run-board.ts';
import { addCopyGauges } from './metrics-of-copies.ts';
import { addDrillGauges, addKmsGauge, addLockGauge } from './metrics-of-keys.ts';
import { addRetentionGauges } from './metrics-of-retention.ts';
import { addScheduleGauge } from './metrics-of-schedules.ts';
import { addVerificationGauges } from './metrics-of-upkeep.ts';

/** From a second to a day. */
const DURATIONS = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400];
const ENDS = ['done', 'warnings', 'failed', 'cancelled'] as const;

export interface MetricSources {
  db: Database;
  /** By which schedules are due. */
  timeZone: string;
  connections: Connections;
  repositories: OpenRepositories;
  board: RunBoard;
  /** When the certificate of the listeners ends, ms. */
  certificateExpiresAt: () => number;
  /** Whether the key management service answered when it was last asked. */
  kmsUp: () => boolean;
}

/** What `/metrics` shows. Labels are names of jobs, Transporters and repositories, or fixed words. */
export class DirectorMetrics {
  readonly #registry = new Registry();
  readonly #runs: Counter<'job' | 'result'>;
  readonly #upkeepRuns: Counter<'repository' | 'kind' | 'result'>;
  readonly #durations: Histogram;
  readonly #bytes: Counter<'stage'>;
  readonly #kmsRequests: Counter<'provider' | 'result'>;
  readonly #alarms: Counter<'code'>;
  readonly #deletions: Counter<'job' | 'outcome'>;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#runs = new Counter({
      name: 'sealift_runs_total',
      help: 'Runs that ended since the start of the Director',
      labelNames: ['job', 'result'],
      registers,
    });
    this.#upkeepRuns = new Counter({
      name: 'sealift_repository_runs_total',
      help: 'Tasks on a repository that ended since the start of the Director',
      labelNames: ['repository', 'kind', 'result'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'sealift_run_duration_seconds',
      help: 'Time from the start of a run to its end',
      buckets: DURATIONS,
      registers,
    });
    this.#bytes = new Counter({
      name: 'sealift_bytes_total',
      help: 'Bytes of the runs that ended since the start of the Director, by stage',
      labelNames: ['stage'],
      registers,
    });
    this.#kmsRequests = new Counter({
      name: 'sealift_kms_requests_total',
      help: 'Requests to what wraps password hashes',
      labelNames: ['provider', 'result'],
      registers,
    });
    this.#alarms = new Counter({
      name: 'sealift_alarms_total',
      help: 'Alarms since the start of the Director',
      labelNames: ['code'],
      registers,
    });
    this.#deletions = new Counter({
      name: 'sealift_deletions_total',
      help: 'Recovery points that were removed, were gone, or that the target refused to remove, since the start',
      labelNames: ['job', 'outcome'],
      registers,
    });
    addKmsGauge(this.#registry, sources);
    addLockGauge(this.#registry, sources);
    addCopyGauges(this.#registry, sources);
    addDrillGauges(this.#registry, sources);
    addJobGauges(this.#registry, sources);
    addRetentionGauges(this.#registry, sources);
    addScheduleGauge(this.#registry, sources);
    addTransporterGauges(this.#registry, sources);
    addRepositoryGauges(this.#registry, sources);
    addVerificationGauges(this.#registry, sources);
  }

  countKmsRequest(provider: string, result: 'ok' | 'failed'): void {
    this.#kmsRequests.inc({ provider, result });
  }

  countAlarm(code: string): void {
    this.#alarms.inc({ code });
  }

  countDeletion(job: string, outcome: 'removed' | 'gone' | 'refused'): void {
    this.#deletions.inc({ job, outcome });
  }

  countEnd(run: Run): void {
    if (isUpkeepRun(run)) this.#upkeepRuns.inc({ repository: run.repository.name, kind: run.kind, result: run.state });
    else this.#runs.inc({ job: run.job.name, result: run.state });
    if (run.startedAt !== undefined && run.finishedAt !== undefined) {
      this.#durations.observe(Math.max(0, run.finishedAt - run.startedAt) / 1000);
    }
  }

  countBytes(progress: Progress): void {
    this.#bytes.inc({ stage: 'read' }, progress.bytesRead);
    this.#bytes.inc({ stage: 'sent' }, progress.bytesSent);
    this.#bytes.inc({ stage: 'written' }, progress.bytesStored);
    this.#bytes.inc({ stage: 'collected' }, progress.upkeep?.bytesFreed ?? 0);
  }

  /** Prometheus text format. */
  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

function addJobGauges(registry: Registry, { db }: MetricSources): void {
  new Gauge({
    name: 'sealift_job_last_success_timestamp_seconds',
    help: 'When a run of the job last made a recovery point',
    labelNames: ['job'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { job, succeeded_at } of await jobOutcomes(db)) {
        if (succeeded_at !== null) this.set({ job }, succeeded_at / 1000);
      }
    },
  });
  new Gauge({
    name: 'sealift_job_last_run_status',
    help: '1 for the state in which the last run of the job ended',
    labelNames: ['job', 'status'],
    registers: [registry],
    async collect() {
      this.reset();
      const ended = (await jobOutcomes(db)).filter(({ state }) => state !== null);
      for (const { job, state } of ended) {
        for (const status of ENDS) this.set({ job, status }, Number(status === state));
      }
    },
  });
}

function addTransporterGauges(registry: Registry, sources: MetricSources): void {
  const { db, connections, board } = sources;
  new Gauge({
    name: 'sealift_transporter_up',
    help: '1 while the Transporter is connected',
    labelNames: ['transporter', 'role'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { id, name, role } of await allTransporters(db)) {
        this.set({ transporter: name, role }, connections.of(id) === undefined ? 0 : 1);
      }
    },
  });
  new Gauge({
    name: 'sealift_transporter_tasks',
    help: 'Tasks at work that have reported to this Director',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.set({ state: 'running' }, board.size);
    },
  });
  new Gauge({
    name: 'sealift_certificate_expiry_timestamp_seconds',
    help: 'End of certificates',
    labelNames: ['holder'],
    registers: [registry],
    async collect() {
      this.reset();
      this.set({ holder: 'director' }, sources.certificateExpiresAt() / 1000);
      for (const { name, certificateExpiresAt } of await allTransporters(db)) {
        this.set({ holder: name }, certificateExpiresAt / 1000);
      }
    },
  });
}

function addRepositoryGauges(registry: Registry, { db, repositories }: MetricSources): void {
  const figures = { stored: 'storedBytes', free: 'freeBytes' } as const;
  for (const [figure, field] of Object.entries(figures)) {
    new Gauge({
      name: `sealift_repository_${figure}_bytes`,
      help: `Bytes ${figure} at the repository, as its target said last`,
      labelNames: ['repository'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const { id, name } of (await listRepositories(db, { limit: 1000 })).items) {
          const bytes = repositories.of(id)?.stats?.[field];
          if (bytes !== undefined) this.set({ repository: name }, bytes);
        }
      },
    });
  }
  new Gauge({
    name: 'sealift_repository_point_differences',
    help: 'Recovery points that the target shows otherwise than they were recorded, when last compared',
    labelNames: ['repository'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { repository, differences } of await countDifferences(db)) this.set({ repository }, differences);
    },
  });
  new Gauge({
    name: 'sealift_repository_points',
    help: 'Recovery points the Director knows in the repository',
    labelNames: ['repository'],
    registers: [registry],
    async collect() {
      this.reset();
      for (const { repository, points } of await countPoints(db)) this.set({ repository }, points);
    },
  });
}
