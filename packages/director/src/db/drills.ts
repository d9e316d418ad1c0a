import type { FailureRecord } from '@sealift/core';
import type { DrillResource } from '@sealift/wire';
import type { Database } from './database.ts';
import { limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** How one way of opening the newest point of a job went. */
export interface Drill {
  pointId: string;
  way: DrillResource['way'];
  passed: boolean;
  files: number;
  bytes: number;
  failure?: FailureRecord;
  at: number;
}

interface Row {
  point_id: string;
  way: DrillResource['way'];
  passed: number;
  files: number;
  bytes: number;
  failure_json: string | null;
  at: number;
}

export async function addDrill(db: Database, jobId: string, drill: Drill): Promise<void> {
  await db.run(
    `INSERT INTO drills (job_id, point_id, way, passed, files, bytes, failure_json, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    jobId,
    drill.pointId,
    drill.way,
    Number(drill.passed),
    drill.files,
    drill.bytes,
    drill.failure === undefined ? null : JSON.stringify(drill.failure),
    drill.at,
  );
}

/** The latest, newest first. */
export async function listDrills(db: Database, jobId: string, request: PageRequest): Promise<Page<Drill>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>('SELECT * FROM drills WHERE job_id = ? ORDER BY at DESC, way LIMIT ?', jobId, limit);
  return pageOf(rows, limit, fromRow, (row) => row.at);
}

/** The last result of each way, for every job, and when it last succeeded. */
export async function latestDrills(
  db: Database,
): Promise<{ job: string; way: string; passed: number; passed_at: number | null }[]> {
  return await db.all(
    `SELECT jobs.name AS job, drills.way, drills.passed,
       (SELECT max(good.at) FROM drills AS good
        WHERE good.job_id = drills.job_id AND good.way = drills.way AND good.passed = 1) AS passed_at
     FROM drills JOIN jobs ON jobs.id = drills.job_id AND jobs.removed_at IS NULL
     WHERE drills.at = (SELECT max(other.at) FROM drills AS other
       WHERE other.job_id = drills.job_id AND other.way = drills.way)`,
  );
}

/** Jobs with a recovery point whose keys were not proven since `since`, the longest unproven first. */
export async function jobsToDrill(db: Database, since: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    `SELECT jobs.id, (SELECT max(at) FROM drills WHERE drills.job_id = jobs.id) AS last
     FROM jobs WHERE removed_at IS NULL
     AND EXISTS (SELECT 1 FROM points WHERE points.job_id = jobs.id AND points.removed_at IS NULL)
     AND coalesce((SELECT max(at) FROM drills WHERE drills.job_id = jobs.id), 0) < ? ORDER BY last`,
    since,
  );
  return rows.map(({ id }) => id);
}

function fromRow(row: Row): Drill {
  return {
    pointId: row.point_id,
    way: row.way,
    passed: row.passed === 1,
    files: row.files,
    bytes: row.bytes,
    ...(row.failure_json === null ? {} : { failure: JSON.parse(row.failure_json) }),
    at: row.at,
  };
}
