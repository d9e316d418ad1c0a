import { fail } from '../failures.ts';
import type { Database } from './database.ts';
import { MIGRATION_1 } from './migrations/1-first-tables.ts';
import { MIGRATION_2 } from './migrations/2-keys-and-trust.ts';
import { MIGRATION_3 } from './migrations/3-upkeep-runs.ts';
import { MIGRATION_4 } from './migrations/4-retention.ts';
import { MIGRATION_5 } from './migrations/5-repository-keys.ts';
import { MIGRATION_6 } from './migrations/6-run-keys.ts';
import { MIGRATION_7 } from './migrations/7-schedules.ts';
import { MIGRATION_8 } from './migrations/8-adopted-points.ts';
import { MIGRATION_9 } from './migrations/9-key-slots.ts';
import { MIGRATION_10 } from './migrations/10-point-copies.ts';
import { MIGRATION_11 } from './migrations/11-copy-rules.ts';
import { MIGRATION_12 } from './migrations/12-bandwidth.ts';
import { MIGRATION_13 } from './migrations/13-reading-rules.ts';
import { MIGRATION_14 } from './migrations/14-zones-of-points.ts';

/** In order; a migration that was released is never changed. */
const MIGRATIONS: readonly string[][] = [
  MIGRATION_1,
  MIGRATION_2,
  MIGRATION_3,
  MIGRATION_4,
  MIGRATION_5,
  MIGRATION_6,
  MIGRATION_7,
  MIGRATION_8,
  MIGRATION_9,
  MIGRATION_10,
  MIGRATION_11,
  MIGRATION_12,
  MIGRATION_13,
  MIGRATION_14,
];

/** Brings the tables up to this version, one migration at a time, each of them whole or not at all. */
export async function migrate(database: Database): Promise<void> {
  await database.run('CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL)');
  const row = await database.get<{ number: number | null }>('SELECT max(number) AS number FROM migrations');
  const present = row?.number ?? 0;
  if (present > MIGRATIONS.length) {
    throw fail('database-newer', `The database is at version ${present}; this program knows ${MIGRATIONS.length}.`);
  }
  for (const [index, statements] of MIGRATIONS.entries()) {
    if (index < present) continue;
    const record = {
      sql: 'INSERT INTO migrations (number, applied_at) VALUES (?, ?)',
      values: [index + 1, Date.now()],
    };
    await database.batch([...statements.map((sql) => ({ sql, values: [] })), record]);
  }
}
