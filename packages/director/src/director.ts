import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toFailure } from '@sealift/core';
import { Comparisons } from './compare/comparisons.ts';
import { DIRECTOR_DEFAULTS, type DirectorConfig } from './config.ts';
import type { Context } from './context.ts';
import { CopySchedule } from './copies/copy-schedule.ts';
import { retainCopiesInBackground } from './copies/retain-copies.ts';
import type { Database } from './db/database.ts';
import { directorId } from './db/settings.ts';
import { openSqlite } from './db/sqlite.ts';
import { DrillSchedule } from './drill/drill-schedule.ts';
import { EventBus } from './events/event-bus.ts';
import { Connections } from './inventory/connections.ts';
import { OpenRepositories } from './inventory/open-repositories.ts';
import type { RunBoard } from './inventory/run-board.ts';
import { openAdminToken } from './keys/admin-token.ts';
import { openAuthority } from './keys/authority.ts';
import { GivenHashes } from './keys/given-hashes.ts';
import { KmsWatch } from './keys/kms-watch.ts';
import { openWrapping } from './keys/open-wrapping.ts';
import { ServerCertificates } from './keys/server-certificates.ts';
import { openTicketKey } from './keys/ticket-key.ts';
import { listen } from './listen.ts';
import { createLogger, type Logger } from './logger.ts';
import { DirectorMetrics } from './metrics.ts';
import { retainInBackground } from './retention/apply.ts';
import { calendarOf } from './retention/calendar.ts';
import { RetentionSchedule } from './retention/retention-schedule.ts';
import { Turns } from './retention/turns.ts';
import { Dispatcher } from './schedule/dispatcher.ts';
import { JobSchedule } from './schedule/job-schedule.ts';
import { BrowseTasks } from './tasks/browse-tasks.ts';
import { PointRuns } from './tasks/point-runs.ts';
import { fetchLost } from './upkeep/fetch-lost.ts';
import { collectionsEvery, UpkeepSchedule, verificationsWithin } from './upkeep/upkeep-schedule.ts';

export interface DirectorHandle extends AsyncDisposable {
  /** `https://host:port` of the REST API. */
  url: string;
  /** `wss://host:port` that Transporters dial. */
  controlUrl: string;
  adminTokenFile: string;
  /** PEM of the authority to trust. */
  authorityFile: string;
  /** Stops serving. Runs go on at their Transporters, and here with the next start on the same data. */
  close(): Promise<void>;
}

/** Starts a Director; resolves when it serves. Whatever its last end left under way goes on. */
export async function startDirector(
  options: Pick<DirectorConfig, 'data'> & Partial<DirectorConfig>,
): Promise<DirectorHandle> {
  const config: DirectorConfig = { ...DIRECTOR_DEFAULTS, ...options };
  const log = createLogger(config.logLevel);
  try {
    await mkdir(config.data, { recursive: true, mode: 0o700 });
    await using parts = new AsyncDisposableStack();
    const db = parts.use(await openSqlite(join(config.data, 'director.sqlite')));
    const token = await openAdminToken(config.data);
    const { context, dispatcher, certificates, stop } = await assemble(config, db, log, parts);
    const { url, controlUrl } = await listen(config, context, { token, certificates }, parts);
    // Last in, first out: nothing new begins once the Director closes.
    parts.defer(() => stop.abort());
    dispatcher.wake();
    log.info({ url, controlUrl, id: context.directorId }, 'Director serves');
    const kept = parts.move();
    const close = () => kept.disposeAsync();
    const authorityFile = join(config.data, 'ca.pem');
    return { url, controlUrl, adminTokenFile: token.file, authorityFile, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    throw toFailure(thrown);
  }
}

async function assemble(config: DirectorConfig, db: Database, log: Logger, parts: AsyncDisposableStack) {
  const authority = await openAuthority(config.data);
  const id = await directorId(db);
  const certificates = await ServerCertificates.make(authority, id, [config.host, config.publicHost, ...config.names]);
  const connections = new Connections();
  const repositories = new OpenRepositories(log);
  const board: RunBoard = new Map();
  const certificateExpiresAt = () => certificates.current.expiresAt;
  const stop = new AbortController();
  const turns = new Turns();
  const sources = {
    db,
    timeZone: config.timeZone,
    connections,
    repositories,
    board,
    certificateExpiresAt,
    kmsUp: () => wrapping.failure === undefined,
  };
  const metrics: DirectorMetrics = new DirectorMetrics(sources);
  const onRequest = (provider: string, result: 'ok' | 'failed') => metrics.countKmsRequest(provider, result);
  const wrapping = parts.use(await openWrapping(config, onRequest));
  const context: Context = {
    directorId: id,
    db,
    log,
    authority,
    ticketKey: await openTicketKey(config.data),
    wrapping,
    given: parts.use(new GivenHashes()),
    events: new EventBus(),
    connections,
    repositories,
    board,
    browsing: new BrowseTasks(),
    pointRuns: new PointRuns(),
    metrics,
    calendar: calendarOf(config.timeZone),
    timeZone: config.timeZone,
    turns,
    afterBackup: (jobId) => void turns.run(() => retainInBackground(context, jobId)),
    afterCopy: (ruleId) => void turns.run(() => retainCopiesInBackground(context, ruleId)),
    afterRepair: (repository, report) => void fetchLost(context, repository, report),
    get comparisons() {
      return comparisons;
    },
    wakeDispatcher: () => dispatcher.wake(),
    signal: stop.signal,
  };
  const dispatcher = new Dispatcher(context);
  const comparisons = parts.use(new Comparisons(context));
  useSchedules(context, config, parts);
  parts.defer(() => dispatcher.settled());
  return { context, dispatcher, certificates, stop };
}

/** What happens by itself, again and again. */
function useSchedules(context: Context, config: DirectorConfig, parts: AsyncDisposableStack): void {
  parts.use(new KmsWatch(context));
  parts.use(new JobSchedule(context)).look();
  parts.use(new CopySchedule(context)).look();
  parts.use(new DrillSchedule(context, config.drillInterval));
  parts.use(new UpkeepSchedule(context, verificationsWithin(config.verifyWithin)));
  parts.use(new UpkeepSchedule(context, collectionsEvery(config.collectInterval)));
  parts.use(new RetentionSchedule(context, config.retentionInterval));
}
