import { fail } from '../failures.ts';

const STEPS: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4 };
const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i;
const AGE = /^(\d+)\s*([mhdw])$/;
const MINUTES: Record<string, number> = { m: 1, h: 60, d: 1440, w: 10_080 };

/** `1M`, `1.5 GiB`, `4096`: bytes; letters count by 1024, with or without `iB`. */
export function parseSize(option: string, text: string): number {
  const [, number, letter = ''] = SIZE.exec(text) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** (STEPS[letter.toLowerCase()] ?? 0));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw fail('usage', `${option} must be a size such as 4096, 10M or 1.5GiB, not '${text}'`);
}

/** A date, a time (UTC unless it says otherwise), or how long ago: `2026-03-01`, `2026-03-01T12:30`, `7d`. */
export function parseTime(option: string, text: string, now: number): Date {
  const [, count, unit = ''] = AGE.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * (MINUTES[unit] as number) * 60_000);
  const instant = Date.parse(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && instant >= 0) return new Date(instant);
  throw fail(
    'usage',
    `${option} must be a date, a time or an age such as 2026-03-01, 2026-03-01T12:30 or 7d, not '${text}'`,
  );
}
