import type { BandwidthLimit } from '@sealift/wire';
import type { Database } from './database.ts';

/** Of all Transporters, and of the jobs that are there. */
export function bandwidthLimits(db: Database): Promise<BandwidthLimit[]> {
  return db.all<BandwidthLimit>(
    `SELECT 'transporter' AS "of", id, bandwidth FROM transporters WHERE bandwidth IS NOT NULL
     UNION ALL SELECT 'job', id, bandwidth FROM jobs WHERE bandwidth IS NOT NULL AND removed_at IS NULL`,
  );
}

/** Null lifts the limit. */
export async function setJobBandwidth(db: Database, jobId: string, bandwidth: string | null): Promise<void> {
  await db.run('UPDATE jobs SET bandwidth = ? WHERE id = ?', bandwidth, jobId);
}

/** Null lifts the limit. */
export async function setTransporterBandwidth(db: Database, id: string, bandwidth: string | null): Promise<void> {
  await db.run('UPDATE transporters SET bandwidth = ? WHERE id = ?', bandwidth, id);
}
