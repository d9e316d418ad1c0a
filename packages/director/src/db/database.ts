/** What a column may hold: ids and JSON as text, times in ms and counts as integers, bytes as blobs. */
export type Value = string | number | null | Uint8Array;

export interface Statement {
  sql: string;
  values: Value[];
  /** In a batch: when this changes no row, the whole batch is undone. */
  mustChange?: boolean;
}

/**
 * A database as the query modules see it. Statements use `?` and only what SQLite and PostgreSQL share, so that either
 * can stand behind it.
 */
export interface Database extends AsyncDisposable {
  all<Row>(sql: string, ...values: Value[]): Promise<Row[]>;
  get<Row>(sql: string, ...values: Value[]): Promise<Row | undefined>;
  /** Resolves with the number of rows changed, once they are durable. */
  run(sql: string, ...values: Value[]): Promise<number>;
  /** All statements or none. Resolves with the position of the statement that had to change something and did not. */
  batch(statements: Statement[]): Promise<number | undefined>;
  /** Resolves when nothing that was overwritten or deleted is left in any file. */
  purge(): Promise<void>;
}
