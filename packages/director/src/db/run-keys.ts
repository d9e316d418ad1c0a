import type { Database } from './database.ts';

/** A run key that was made here, by its public parts. */
export interface MadeRunKey {
  /** 32 bytes. */
  runSalt: Buffer;
  runId: string;
  passwordId: string;
  domainId: string;
  epoch: number;
}

interface Row {
  run_salt: Uint8Array;
  run_id: string;
  password_id: string;
  domain_id: string;
  epoch: number;
}

export async function recordRunKey(db: Database, made: MadeRunKey): Promise<void> {
  await db.run(
    'INSERT INTO run_keys (run_salt, run_id, password_id, domain_id, epoch, made_at) VALUES (?, ?, ?, ?, ?, ?)',
    made.runSalt,
    made.runId,
    made.passwordId,
    made.domainId,
    made.epoch,
    Date.now(),
  );
}

/** The keys made for the attempts of a run, the latest first; none for runs of an earlier version. */
export async function runKeysOf(db: Database, runId: string): Promise<MadeRunKey[]> {
  const rows = await db.all<Row>('SELECT * FROM run_keys WHERE run_id = ? ORDER BY made_at DESC', runId);
  return rows.map((row) => ({
    runSalt: Buffer.from(row.run_salt),
    runId: row.run_id,
    passwordId: row.password_id,
    domainId: row.domain_id,
    epoch: row.epoch,
  }));
}
