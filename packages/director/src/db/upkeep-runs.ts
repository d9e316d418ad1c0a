import type { UpkeepKind } from '@sealift/wire';
import type { Database, Statement, Value } from './database.ts';
import type { CopyFor, Upkeep } from './run.ts';

export interface NewUpkeepRun {
  id: string;
  repositoryId: string;
  transporterId: string;
  upkeep: Upkeep;
  copyFor?: CopyFor;
  createdAt: number;
}

const COLUMNS = `id, repository_id, transporter_id, kind, state, attempt, cancel_wanted, upkeep_json, copy_rule_id,
  copy_job_id, created_at, warnings`;

/** False when another task of this kind waits for the repository already. */
export async function addUpkeepRun(db: Database, run: NewUpkeepRun): Promise<boolean> {
  const { kind } = run.upkeep;
  const added = await db.run(
    `INSERT INTO runs (${COLUMNS}) SELECT ?, ?, ?, ?, 'queued', 0, 0, ?, ?, ?, ?, 0
     WHERE NOT EXISTS (SELECT 1 FROM runs WHERE repository_id = ? AND kind = ? AND state = 'queued')`,
    ...valuesOf(run),
    run.repositoryId,
    kind,
  );
  return added > 0;
}

/** The run that goes on where another has ended, once; it may wait beside others of its kind. */
export function addFollowingRun(run: NewUpkeepRun, follows: string): Statement {
  return {
    sql: `INSERT INTO runs (${COLUMNS}, follows) SELECT ?, ?, ?, ?, 'queued', 0, 0, ?, ?, ?, ?, 0, ?
      WHERE NOT EXISTS (SELECT 1 FROM runs WHERE follows = ?)`,
    values: [...valuesOf(run), follows, follows],
  };
}

function valuesOf({ id, repositoryId, transporterId, upkeep, copyFor, createdAt }: NewUpkeepRun): Value[] {
  const { rule, jobId } = copyFor ?? {};
  const task = [upkeep.kind, JSON.stringify(upkeep)];
  return [id, repositoryId, transporterId, ...task, rule?.id ?? null, jobId ?? null, createdAt];
}

/** From `queued` to `running`; false when it is not queued any more or a task that it excludes runs on its repository. */
export async function beginUpkeepRun(
  db: Database,
  { id, repositoryId, excludes }: { id: string; repositoryId: string; excludes: readonly UpkeepKind[] },
  now: number,
): Promise<boolean> {
  const changed = await db.run(
    `UPDATE runs SET state = 'running', reason = NULL, attempt = attempt + 1, started_at = coalesce(started_at, ?)
     WHERE id = ? AND state = 'queued' AND NOT EXISTS
       (SELECT 1 FROM runs AS other WHERE other.repository_id = ? AND other.state = 'running'
        AND other.kind IN (${excludes.map(() => '?').join(', ')}))`,
    now,
    id,
    repositoryId,
    ...excludes,
  );
  return changed > 0;
}

/** Repositories that were made before `since` and for which no task of this kind was asked since then. */
export async function repositoriesDue(db: Database, kind: UpkeepKind, since: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    `SELECT id FROM repositories WHERE created_at < ? AND NOT EXISTS
       (SELECT 1 FROM runs WHERE runs.repository_id = repositories.id AND kind = ?
        AND (created_at >= ? OR state IN ('queued', 'running')))
     ORDER BY created_at`,
    since,
    kind,
    since,
  );
  return rows.map(({ id }) => id);
}
