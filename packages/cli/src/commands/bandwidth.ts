import { parseBandwidth, parseRate } from '@sealift/wire';

/** What a limit is in the help of a command. */
export const BANDWIDTH_HELP = "rate, '20M', or by days and hours: '20M; mon-fri 08:00-18:00 2M; sun unlimited'; none";

export const BANDWIDTH_NOTES =
  'A rate is in MiB a second, or with K, M or G. Rules for days and hours, in the time zone of the Director, stand behind\n' +
  'semicolons; the last that applies counts. A change counts at once, for runs under way too.';

/** A limit that the Director will understand, or null for `none`. @throws Failure `bandwidth-invalid` */
export function parseLimit(text: string): string | null {
  if (text === 'none') return null;
  parseBandwidth(text, 'UTC');
  return text;
}

/** The field of a request for an option that takes one rate. */
export function rateField(text: string | undefined): { bytesPerSecond?: number } {
  return text === undefined ? {} : { bytesPerSecond: parseRate(text) };
}
