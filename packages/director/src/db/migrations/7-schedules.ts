/** As in the first: times are ms since 1970. */
export const MIGRATION_7 = [
  // Five cron fields, up to when everything due was queued, and since when this schedule is in force.
  `ALTER TABLE jobs ADD COLUMN schedule TEXT`,
  `ALTER TABLE jobs ADD COLUMN due_since INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE jobs ADD COLUMN scheduled_at INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE jobs ADD COLUMN paused_at INTEGER`,
];
