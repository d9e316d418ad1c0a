import type { Authority } from '@sealift/crypto';
import type { RepairReport } from '@sealift/wire';
import type { Comparisons } from './compare/comparisons.ts';
import type { Database } from './db/database.ts';
import type { UpkeepRun } from './db/run.ts';
import type { EventBus } from './events/event-bus.ts';
import type { Connections } from './inventory/connections.ts';
import type { OpenRepositories } from './inventory/open-repositories.ts';
import type { RunBoard } from './inventory/run-board.ts';
import type { GivenHashes } from './keys/given-hashes.ts';
import type { TicketKey } from './keys/ticket-key.ts';
import type { Wrapping } from './keys/wrapping.ts';
import type { Logger } from './logger.ts';
import type { DirectorMetrics } from './metrics.ts';
import type { Calendar } from './retention/calendar.ts';
import type { Turns } from './retention/turns.ts';
import type { BrowseTasks } from './tasks/browse-tasks.ts';
import type { PointRuns } from './tasks/point-runs.ts';

/** What the parts of one Director share. */
export interface Context {
  directorId: string;
  db: Database;
  log: Logger;
  authority: Authority;
  ticketKey: TicketKey;
  /** What wraps the secrets in the database. */
  wrapping: Wrapping;
  /** Hashes of passwords that are kept nowhere else. */
  given: GivenHashes;
  events: EventBus;
  connections: Connections;
  repositories: OpenRepositories;
  board: RunBoard;
  browsing: BrowseTasks;
  pointRuns: PointRuns;
  metrics: DirectorMetrics;
  /** Whose days and weeks retention counts by, and its name. */
  calendar: Calendar;
  timeZone: string;
  /** What is listed, removed and held of recovery points goes one after another. */
  turns: Turns;
  /** Looks, in the background, what a new recovery point means for the others of its job. */
  afterBackup: (jobId: string) => void;
  /** The same for the copies that a standing copy has made. */
  afterCopy: (ruleId: string) => void;
  /** Fetches, in the background, what was lost from copies. */
  afterRepair: (repository: UpkeepRun['repository'], report: RepairReport) => void;
  comparisons: Comparisons;
  /** Looks whether a waiting run can begin. */
  wakeDispatcher: () => void;
  /** Aborted when the Director closes. */
  signal: AbortSignal;
}
