import { STAGES, StageClock } from '@sealift/core';
import type { TaskStart } from '@sealift/wire';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { RepositoryState } from '../sessions/repositories.ts';
import type { TaskCounter } from '../tasks/reporter.ts';

/** What the gauges show at the moment they are asked. */
export interface Observed {
  /** Tasks that run, and finished ones whose result the Director has not acknowledged. */
  tasks(): { running: number; finished: number };
  sessions(): number;
  directorConnected(): boolean;
  certificateExpiry(): Date;
  repositories(): RepositoryState[];
  /** What a source keeps of previous points. */
  cacheBytes(): number;
}

/** Seconds of runs, counted as they report them, and those on a clock, counted when Prometheus asks. */
function stageCounter(registry: Registry, clock: StageClock): Counter<'stage'> {
  let counted = clock.times();
  return new Counter({
    name: 'sealift_stage_seconds_total',
    help: 'Seconds that threads spent in a stage of the data path.',
    labelNames: ['stage'],
    registers: [registry],
    collect() {
      const now = clock.times();
      for (const stage of STAGES) this.inc({ stage }, (now[stage] - counted[stage]) / 1000);
      counted = now;
    },
  });
}

/** Counters of this process, and gauges that are read when Prometheus asks. */
export class Metrics {
  readonly registry = new Registry();
  /** Of what this process does for others: its sessions and repositories. */
  readonly clock = new StageClock();
  readonly #bytes: Counter<'stage'>;
  readonly #stages: Counter<'stage'>;
  readonly #retries: Counter<'reason'>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#bytes = new Counter({
      name: 'sealift_bytes_total',
      help: 'Bytes that went through a stage.',
      labelNames: ['stage'],
      registers: [this.registry],
    });
    this.#stages = stageCounter(this.registry, this.clock);
    this.#retries = new Counter({
      name: 'sealift_retries_total',
      help: 'Connections and calls that were made again, by the code of the failure before.',
      labelNames: ['reason'],
      registers: [this.registry],
    });
  }

  taskCounter(kind: TaskStart['kind']): TaskCounter {
    // At a restore the contents that are put back count as read in the progress.
    const contents = kind === 'restore' ? 'written' : 'read';
    return {
      countProgress: (from, to) => {
        this.#count(contents, to.bytesRead - from.bytesRead);
        this.#count('compressed', to.bytesNew - from.bytesNew);
        this.#count('sent', to.bytesSent - from.bytesSent);
        for (const stage of STAGES) {
          const spent = (to.stages?.[stage] ?? 0) - (from.stages?.[stage] ?? 0);
          if (spent > 0) this.#stages.inc({ stage }, spent / 1000);
        }
        this.#count('collected', (to.upkeep?.bytesFreed ?? 0) - (from.upkeep?.bytesFreed ?? 0));
      },
      countRetry: (reason) => this.#retries.inc({ reason }),
    };
  }

  countReceived(bytes: number): void {
    this.#count('received', bytes);
  }

  countSent(bytes: number): void {
    this.#count('sent', bytes);
  }

  observe(observed: Observed): void {
    this.#gauge(
      'sealift_certificate_expiry_timestamp_seconds',
      'When the certificate of this Transporter ends.',
      () => observed.certificateExpiry().getTime() / 1000,
    );
    this.#gauge('sealift_director_connected', '1 while the connection to the Director is up.', () =>
      observed.directorConnected() ? 1 : 0,
    );
    this.#gauge('sealift_transporter_sessions', 'Links from other Transporters that are open.', observed.sessions);
    this.#gauge(
      'sealift_transporter_cache_bytes',
      'Bytes of what a source keeps of previous points, so as not to read unchanged files.',
      observed.cacheBytes,
    );
    this.#observeTasks(observed);
    this.#observeRepositories(observed);
  }

  #observeTasks(observed: Observed): void {
    new Gauge({
      name: 'sealift_transporter_tasks',
      help: 'Tasks that run, and finished ones the Director has not acknowledged.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const { running, finished } = observed.tasks();
        this.set({ state: 'running' }, running);
        this.set({ state: 'finished' }, finished);
      },
    });
  }

  #observeRepositories({ repositories }: Observed): void {
    this.#repositoryGauge('open', '1 if the repository is open.', repositories, ({ stats }) => (stats ? 1 : 0));
    this.#repositoryGauge('points', 'Recovery points.', repositories, ({ stats }) => stats?.points);
    this.#repositoryGauge('chunks', 'Chunks.', repositories, ({ stats }) => stats?.chunks);
    this.#repositoryGauge('stored_bytes', 'Bytes as stored.', repositories, ({ stats }) => stats?.storedBytes);
    this.#repositoryGauge('free_bytes', 'Bytes free below it.', repositories, ({ stats }) => stats?.freeBytes);
  }

  #repositoryGauge(
    name: string,
    help: string,
    states: () => RepositoryState[],
    read: (state: RepositoryState) => number | undefined,
  ): void {
    new Gauge({
      name: `sealift_repository_${name}`,
      help,
      labelNames: ['repository'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const state of states()) {
          const value = read(state);
          if (value !== undefined) this.set({ repository: state.name }, value);
        }
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  #count(stage: string, bytes: number): void {
    if (bytes > 0) this.#bytes.inc({ stage }, bytes);
  }
}
