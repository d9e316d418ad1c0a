import type { KeepRule } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Database, Value } from './database.ts';
import { afterName, limitOf, type Page, type PageRequest, pageOf } from './paging.ts';

/** Recovery points of one repository that are copied to another again and again. */
export interface CopyRule {
  id: string;
  name: string;
  from: { id: string; name: string };
  to: { id: string; name: string };
  /** Ids; undefined for all that the repository has. */
  jobs?: string[];
  /** Five cron fields, in the time zone of the Director; without one only when it is asked for. */
  schedule?: string;
  /** The instant up to which everything due was queued, ms since 1970. */
  dueSince: number;
  /** When a run of it last ended well, or else since when there is this schedule, ms since 1970. */
  goodSince: number;
  /** Without it every copy is kept. */
  keep?: KeepRule;
  /** For how long the target of the copies locks new ones, beside what the repository demands. */
  immutableDays?: number;
  /** Since when it is known to be late. */
  lateSince?: number;
  createdAt: number;
}

export interface CopyRuleChange {
  schedule?: string | null;
  keep?: KeepRule | null;
  immutableDays?: number;
}

interface Row {
  id: string;
  name: string;
  from_id: string;
  from_name: string;
  to_id: string;
  to_name: string;
  jobs_json: string | null;
  schedule: string | null;
  due_since: number;
  scheduled_at: number;
  succeeded_at: number;
  keep_json: string | null;
  immutable_days: number | null;
  late_since: number | null;
  created_at: number;
}

const SELECT = `SELECT copy_rules.*, source.name AS from_name, other.name AS to_name,
    coalesce((SELECT max(finished_at) FROM runs WHERE copy_rule_id = copy_rules.id
      AND state IN ('done', 'warnings')), 0) AS succeeded_at
  FROM copy_rules
  JOIN repositories AS source ON source.id = copy_rules.from_id
  JOIN repositories AS other ON other.id = copy_rules.to_id`;

export async function listCopyRules(db: Database, request: PageRequest): Promise<Page<CopyRule>> {
  const limit = limitOf(request);
  const rows = await db.all<Row>(
    `${SELECT} WHERE copy_rules.name > ? ORDER BY copy_rules.name LIMIT ?`,
    afterName(request),
    limit + 1,
  );
  return pageOf(rows, limit, fromRow, (row) => row.name);
}

export async function everyCopyRule(db: Database): Promise<CopyRule[]> {
  return (await db.all<Row>(`${SELECT} ORDER BY copy_rules.name`)).map(fromRow);
}

export async function copyRuleById(db: Database, id: string): Promise<CopyRule | undefined> {
  const row = await db.get<Row>(`${SELECT} WHERE copy_rules.id = ?`, id);
  return row === undefined ? undefined : fromRow(row);
}

/** By id or name; `not-found` otherwise. */
export async function copyRuleNamed(db: Database, reference: string): Promise<CopyRule> {
  const found = await copyRuleById(db, reference);
  if (found !== undefined) return found;
  const row = await db.get<Row>(`${SELECT} WHERE copy_rules.name = ?`, reference);
  if (row === undefined) throw fail('not-found', `There is no standing copy ${reference}.`);
  return fromRow(row);
}

export type NewCopyRule = Omit<CopyRule, 'from' | 'to' | 'dueSince' | 'goodSince' | 'lateSince'> & {
  fromId: string;
  toId: string;
};

export async function addCopyRule(db: Database, rule: NewCopyRule): Promise<void> {
  const row: Record<string, Value> = {
    id: rule.id,
    name: rule.name,
    from_id: rule.fromId,
    to_id: rule.toId,
    jobs_json: jsonOf(rule.jobs),
    schedule: rule.schedule ?? null,
    due_since: rule.createdAt,
    scheduled_at: rule.createdAt,
    keep_json: jsonOf(rule.keep),
    immutable_days: rule.immutableDays ?? null,
    created_at: rule.createdAt,
  };
  const columns = Object.keys(row);
  const sql = `INSERT INTO copy_rules (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`;
  if ((await db.run(sql, ...Object.values(row))) > 0) return;
  throw fail('name-taken', `There is a standing copy ${rule.name} already.`);
}

/** What is left out stays; null takes it away. */
export async function changeCopyRule(db: Database, id: string, change: CopyRuleChange, now: number): Promise<void> {
  const { schedule, keep, immutableDays } = change;
  const columns: Record<string, Value> = {
    ...(schedule === undefined ? {} : { schedule, due_since: now, scheduled_at: now, late_since: null }),
    ...(keep === undefined ? {} : { keep_json: jsonOf(keep ?? undefined) }),
    ...(immutableDays === undefined ? {} : { immutable_days: immutableDays }),
  };
  const names = Object.keys(columns);
  if (names.length === 0) return;
  const sql = `UPDATE copy_rules SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`;
  await db.run(sql, ...Object.values(columns), id);
}

/** What it has copied stays where it is. */
export async function removeCopyRule(db: Database, id: string): Promise<void> {
  await db.run('DELETE FROM copy_rules WHERE id = ?', id);
}

export async function recordCopyDue(db: Database, id: string, now: number): Promise<void> {
  await db.run('UPDATE copy_rules SET due_since = ? WHERE id = ?', now, id);
}

/** True when that is news. */
export async function recordLate(db: Database, id: string, since: number): Promise<boolean> {
  return (await db.run('UPDATE copy_rules SET late_since = ? WHERE id = ? AND late_since IS NULL', since, id)) > 0;
}

export async function recordInTime(db: Database, id: string): Promise<void> {
  await db.run('UPDATE copy_rules SET late_since = NULL WHERE id = ? AND late_since IS NOT NULL', id);
}

export async function recordCopyRetention(db: Database, id: string, at: number): Promise<void> {
  await db.run('UPDATE copy_rules SET retention_at = ? WHERE id = ?', at, id);
}

/** Standing copies of which nobody has looked since `since` what their rule removes. */
export async function copyRulesToRetain(db: Database, since: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(
    'SELECT id FROM copy_rules WHERE coalesce(retention_at, 0) < ? ORDER BY retention_at',
    since,
  );
  return rows.map(({ id }) => id);
}

/** Jobs whose points a standing copy is about: those that it names, or all that have points in its repository. */
export async function jobsOfCopyRule(db: Database, rule: CopyRule): Promise<string[]> {
  if (rule.jobs !== undefined) return rule.jobs;
  const rows = await db.all<{ job_id: string }>(
    'SELECT DISTINCT job_id FROM points WHERE repository_id = ? ORDER BY job_id',
    rule.from.id,
  );
  return rows.map(({ job_id }) => job_id);
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function fromRow(row: Row): CopyRule {
  return {
    id: row.id,
    name: row.name,
    from: { id: row.from_id, name: row.from_name },
    to: { id: row.to_id, name: row.to_name },
    ...(row.jobs_json === null ? {} : { jobs: JSON.parse(row.jobs_json) }),
    ...(row.schedule === null ? {} : { schedule: row.schedule }),
    dueSince: row.due_since,
    goodSince: Math.max(row.succeeded_at, row.scheduled_at),
    ...(row.keep_json === null ? {} : { keep: JSON.parse(row.keep_json) }),
    ...(row.immutable_days === null ? {} : { immutableDays: row.immutable_days }),
    ...(row.late_since === null ? {} : { lateSince: row.late_since }),
    createdAt: row.created_at,
  };
}
