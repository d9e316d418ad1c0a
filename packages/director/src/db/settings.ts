import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';

/** The UUID of this Director, made at its first start. */
export async function directorId(db: Database): Promise<string> {
  await db.run(
    `INSERT INTO settings (name, value) VALUES ('director-id', ?) ON CONFLICT (name) DO NOTHING`,
    randomUUID(),
  );
  const row = await db.get<{ value: string }>(`SELECT value FROM settings WHERE name = 'director-id'`);
  return row?.value ?? '';
}
