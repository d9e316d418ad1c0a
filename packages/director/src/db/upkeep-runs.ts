import type { UpkeepKind } from '@sealift/wire';
import type { Database } from './database.ts';
import type { Upkeep } from './run.ts';

export interface NewUpkeepRun {
  id: string;
  repositoryId: string;
  transporterId: string;
  upkeep: Upkeep;
  createdAt: number;
}

/** False when another task of this kind waits for the repository already. */
export async function addUpkeepRun(db: Database, run: NewUpkeepRun): Promise<boolean> {
  const { kind } = run.upkeep;
  const added = await db.run(
    `INSERT INTO runs (id, repository_id, transporter_id, kind, state, attempt, cancel_wanted, upkeep_json, created_at,
       warnings)
     SELECT ?, ?, ?, ?, 'queued', 0, 0, ?, ?, 0
     WHERE NOT EXISTS (SELECT 1 FROM runs WHERE repository_id = ? AND kind = ? AND state = 'queued')`,
    run.id,
    run.repositoryId,
    run.transporterId,
    kind,
    JSON.stringify(run.upkeep),
    run.createdAt,
    run.repositoryId,
    kind,
  );
  return added > 0;
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
