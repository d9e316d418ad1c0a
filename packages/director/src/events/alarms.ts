import type { Alarm } from '@sealift/wire';
import type { Context } from '../context.ts';

/** Makes sure that somebody notices: kept in the database, told as an event, counted, logged. */
export async function raiseAlarm({ db, events, metrics, log }: Context, alarm: Alarm): Promise<void> {
  const sql = 'INSERT INTO alarms (at, code, alarm_json) VALUES (?, ?, ?)';
  await db.run(sql, Date.now(), alarm.code, JSON.stringify(alarm));
  metrics.countAlarm(alarm.code);
  events.publish({ type: 'alarm', data: alarm });
  log.error({ alarm: alarm.code, job: alarm.job?.name, point: alarm.point }, alarm.message);
}

/** Whether this very alarm was raised before. */
export async function wasRaised({ db }: Context, alarm: Alarm): Promise<boolean> {
  const sql = 'SELECT number FROM alarms WHERE code = ? AND alarm_json = ? LIMIT 1';
  return (await db.get(sql, alarm.code, JSON.stringify(alarm))) !== undefined;
}
