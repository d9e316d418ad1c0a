import { Worker } from 'node:worker_threads';
import { fail } from '../failures.ts';
import type { Database, Statement, Value } from './database.ts';
import { migrate } from './migrate.ts';
import type { SqliteAnswer, SqliteRequest } from './sqlite-worker.ts';

const SQLITE_BUSY = 5;

type Request = SqliteRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Waiting {
  resolve: (answer: SqliteAnswer) => void;
  reject: (failure: unknown) => void;
}

/** Opens the database file, making it when it is missing, and brings its tables up to date. */
export async function openSqlite(file: string): Promise<Database> {
  const database = new SqliteDatabase(file);
  try {
    await migrate(database);
  } catch (thrown) {
    await database.terminate();
    throw thrown;
  }
  return database;
}

/** SQLite in a thread of its own, so that waiting for the disk holds up nothing else. */
class SqliteDatabase implements Database {
  readonly #file: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: file });
    this.#worker.on('message', (answer: SqliteAnswer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
    });
    this.#worker.on('error', (error) => this.#end(error as Error));
    this.#worker.on('exit', () => this.#end(new Error('the database is closed')));
  }

  async all<Row>(sql: string, ...values: Value[]): Promise<Row[]> {
    const answer = await this.#ask({ query: { sql, values } });
    return 'rows' in answer ? (answer.rows as Row[]) : [];
  }

  async get<Row>(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0];
  }

  async run(sql: string, ...values: Value[]): Promise<number> {
    const answer = await this.#ask({ query: { sql, values } });
    return 'changed' in answer ? answer.changed : 0;
  }

  async batch(statements: Statement[]): Promise<number | undefined> {
    const answer = await this.#ask({ batch: statements });
    return 'refusedAt' in answer ? answer.refusedAt : undefined;
  }

  async purge(): Promise<void> {
    await this.#ask({ purge: true });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) await this.#ask({ close: true });
    await this.terminate();
  }

  async #ask(request: Request): Promise<SqliteAnswer> {
    if (this.#ended !== undefined) throw this.#failure(this.#ended);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<SqliteAnswer>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.postMessage({ id, ...request });
    const answer = await promise;
    if ('error' in answer) throw this.#failure(answer.error);
    return answer;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure(this.#ended));
    this.#waiting.clear();
  }

  #failure(error: { message: string; errcode?: number | undefined }) {
    if (error.errcode === SQLITE_BUSY) return fail('data-in-use', `Another process has ${this.#file} open.`);
    return fail('database-failed', `The database ${this.#file} failed: ${error.message}.`);
  }
}
