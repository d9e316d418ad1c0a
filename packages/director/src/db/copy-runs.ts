import type { RunState } from '@sealift/wire';
import type { Database } from './database.ts';

/** How the run of a standing copy ended that began last of those that have ended. */
export async function newestCopyRun(
  db: Database,
  ruleId: string,
): Promise<{ id: string; state: RunState } | undefined> {
  return await db.get(
    `SELECT id, state FROM runs WHERE copy_rule_id = ? AND finished_at IS NOT NULL
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    ruleId,
  );
}

/** Whether a run of a standing copy waits or is under way. */
export async function isCopying(db: Database, ruleId: string): Promise<boolean> {
  const sql = `SELECT id FROM runs WHERE copy_rule_id = ? AND state IN ('queued', 'running') LIMIT 1`;
  return (await db.get(sql, ruleId)) !== undefined;
}

/** How the newest run of each standing copy ended, and when one last ended well, ms. */
export async function copyOutcomes(
  db: Database,
): Promise<{ copy: string; state: RunState | null; succeeded_at: number | null }[]> {
  return await db.all(
    `SELECT name AS copy,
       (SELECT state FROM runs WHERE copy_rule_id = copy_rules.id AND finished_at IS NOT NULL
        ORDER BY finished_at DESC LIMIT 1) AS state,
       (SELECT max(finished_at) FROM runs WHERE copy_rule_id = copy_rules.id AND state IN ('done', 'warnings'))
        AS succeeded_at
     FROM copy_rules`,
  );
}
