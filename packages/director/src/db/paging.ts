import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { fail } from '../failures.ts';

/** What a page is asked for with: `cursor` is the `next` of the page before. */
export interface PageRequest {
  limit?: number;
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  next?: string;
}

const DEFAULT_LIMIT = 100;
const nameCursor = Compile(Type.String({ maxLength: 64 }));
const timeCursor = Compile(Type.Tuple([Type.Integer({ minimum: 0 }), Type.String({ maxLength: 64 })]));

export function limitOf(request: PageRequest): number {
  return request.limit ?? DEFAULT_LIMIT;
}

/** Where a list ordered by name goes on; before every name at the start. */
export function afterName({ cursor }: PageRequest): string {
  if (cursor === undefined) return '';
  const value = decodeCursor(cursor);
  if (!nameCursor.Check(value)) throw badCursor();
  return value;
}

/** Where a list ordered by time, newest first, goes on; behind everything at the start. */
export function beforeTime({ cursor }: PageRequest): [time: number, id: string] {
  if (cursor === undefined) return [Number.MAX_SAFE_INTEGER, ''];
  const value = decodeCursor(cursor);
  if (!timeCursor.Check(value)) throw badCursor();
  return value as [number, string];
}

/** Makes a page of rows of which one more than the page holds was asked for. */
export function pageOf<Row, T>(rows: Row[], limit: number, item: (row: Row) => T, position: (row: Row) => unknown) {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const page: Page<T> = { items: kept.map(item) };
  if (rows.length > limit && last !== undefined) page.next = encodeCursor(position(last));
  return page;
}

export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function decodeCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw badCursor();
  }
}

export function badCursor() {
  return fail('request-invalid', 'The cursor is not one that this list has given.');
}
