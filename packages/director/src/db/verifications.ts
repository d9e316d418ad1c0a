import type { VerifyReport } from '@sealift/wire';
import type { Database } from './database.ts';

/** The newest report of each repository that was ever verified. */
export async function latestVerifications(
  db: Database,
): Promise<{ repository: string; report: VerifyReport; finishedAt: number }[]> {
  const rows = await db.all<{ repository: string; report_json: string; finished_at: number }>(
    `SELECT repositories.name AS repository, runs.report_json, runs.finished_at
     FROM runs JOIN repositories ON repositories.id = runs.repository_id
     WHERE runs.kind = 'verify' AND runs.report_json IS NOT NULL
     AND runs.finished_at = (SELECT max(other.finished_at) FROM runs AS other
       WHERE other.repository_id = runs.repository_id AND other.kind = 'verify' AND other.report_json IS NOT NULL)`,
  );
  return rows.map(({ repository, report_json, finished_at }) => ({
    repository,
    report: JSON.parse(report_json),
    finishedAt: finished_at,
  }));
}
