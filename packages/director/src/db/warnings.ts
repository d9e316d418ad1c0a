import type { TaskWarning } from '@sealift/wire';
import type { Database } from './database.ts';
import { badCursor, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** Warnings kept of one run. */
export const MAX_WARNINGS = 1000;

interface Row {
  number: number;
  path: Uint8Array;
  code: string;
  message: string;
}

/** Keeps warnings as far as there is room; one that is told again is kept once. */
export async function addWarnings(db: Database, runId: string, warnings: TaskWarning[]): Promise<void> {
  await db.batch(
    warnings.map(({ path, code, message }) => ({
      sql: `INSERT INTO warnings (run_id, number, path, code, message)
        SELECT ?, count(*), ?, ?, ? FROM warnings WHERE run_id = ? HAVING count(*) < ?
        ON CONFLICT DO NOTHING`,
      values: [runId, path, code, message, runId, MAX_WARNINGS],
    })),
  );
}

/** Forgets the warnings of a run that begins again. */
export async function clearWarnings(db: Database, runId: string): Promise<void> {
  await db.run('DELETE FROM warnings WHERE run_id = ?', runId);
}

export async function listWarnings(db: Database, runId: string, request: PageRequest): Promise<Page<TaskWarning>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    'SELECT * FROM warnings WHERE run_id = ? AND number > ? ORDER BY number LIMIT ?',
    runId,
    request.cursor === undefined ? -1 : positionOf(request.cursor),
    limit + 1,
  );
  return pageOf(
    rows,
    limit,
    ({ path, code, message }) => ({ path: Buffer.from(path), code, message }),
    (row) => row.number,
  );
}

function positionOf(cursor: string): number {
  const position = Number(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (!Number.isSafeInteger(position)) throw badCursor();
  return position;
}
