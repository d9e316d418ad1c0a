import { randomUUID } from 'node:crypto';
import type { FailureRecord } from '@sealift/core';
import type { Database, Statement, Value } from './database.ts';
import { beforeTime, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** One attempt to remove a recovery point. */
export interface Deletion {
  at: number;
  pointId: string;
  job: { id: string; name: string };
  repository: { id: string; name: string };
  /** `retention`, or who asked for it. */
  by: string;
  reason: string;
  outcome: 'removed' | 'gone' | 'refused';
  failure?: FailureRecord;
  lockedUntil?: number;
}

interface Row {
  id: string;
  at: number;
  deletion_json: string;
}

export function addDeletion(deletion: Deletion): Statement {
  const { at, pointId, job, repository } = deletion;
  return {
    sql: `INSERT INTO deletions (id, at, point_id, job_id, repository_id, deletion_json) VALUES (?, ?, ?, ?, ?, ?)`,
    values: [randomUUID(), at, pointId, job.id, repository.id, JSON.stringify(deletion)],
  };
}

/** Newest first. */
export async function listDeletions(db: Database, request: PageRequest, jobId?: string): Promise<Page<Deletion>> {
  const limit = limitOf(request);
  const values: Value[] = [...beforeTime(request), ...(jobId === undefined ? [] : [jobId])];
  const ofJob = jobId === undefined ? '' : 'AND job_id = ?';
  const rows = await db.all<Row>(
    `SELECT id, at, deletion_json FROM deletions WHERE (at, id) < (?, ?) ${ofJob} ORDER BY at DESC, id DESC LIMIT ?`,
    ...values,
    limit + 1,
  );
  return pageOf(
    rows,
    limit,
    ({ deletion_json }) => JSON.parse(deletion_json) as Deletion,
    (row) => [row.at, row.id],
  );
}
