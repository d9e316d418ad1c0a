import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Statement } from './database.ts';

export type SqliteRequest = { id: number } & (
  | { query: Statement }
  | { batch: Statement[] }
  | { purge: true }
  | { close: true }
);
export type SqliteAnswer = { id: number } & (
  | { rows: unknown[] }
  | { changed: number }
  | { refusedAt: number | undefined }
  | { error: { message: string; errcode: number | undefined } }
);

const port = parentPort as NonNullable<typeof parentPort>;
const database = new DatabaseSync(workerData as string, { timeout: 2_000 });
// One process owns the file; a commit has reached the disk before it is answered.
database.exec(`
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA secure_delete = ON;
`);
const prepared = new Map<string, ReturnType<DatabaseSync['prepare']>>();

port.on('message', (request: SqliteRequest) => {
  try {
    port.postMessage({ id: request.id, ...work(request) });
  } catch (thrown) {
    const { message, errcode } = thrown as Error & { errcode?: number };
    port.postMessage({ id: request.id, error: { message, errcode } });
  }
});

function work(request: SqliteRequest) {
  if ('query' in request) return query(request.query);
  if ('batch' in request) return { refusedAt: batch(request.batch) };
  if ('purge' in request) return purge();
  database.close();
  return { changed: 0 };
}

function query(statement: Statement): { rows: unknown[] } | { changed: number } {
  const compiled = prepare(statement.sql);
  if (compiled.columns().length > 0) return { rows: compiled.all(...statement.values) };
  return { changed: Number(compiled.run(...statement.values).changes) };
}

/** Pages that were deleted are overwritten at once; the log still holds them until it is emptied. */
function purge(): { changed: number } {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return { changed: 0 };
}

function batch(statements: Statement[]): number | undefined {
  database.exec('BEGIN IMMEDIATE');
  try {
    const refusedAt = statements.findIndex(({ sql, values, mustChange }) => {
      const { changes } = prepare(sql).run(...values);
      return mustChange === true && Number(changes) === 0;
    });
    database.exec(refusedAt < 0 ? 'COMMIT' : 'ROLLBACK');
    return refusedAt < 0 ? undefined : refusedAt;
  } catch (thrown) {
    database.exec('ROLLBACK');
    throw thrown;
  }
}

/** The statements of the query modules are few and fixed, so each is compiled once. */
function prepare(sql: string): ReturnType<DatabaseSync['prepare']> {
  const known = prepared.get(sql);
  if (known !== undefined) return known;
  const compiled = database.prepare(sql);
  prepared.set(sql, compiled);
  return compiled;
}
