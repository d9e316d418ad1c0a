import { type Static, Type } from 'typebox';
import { LONGEST_BANDWIDTH } from '../bandwidth/calendar.ts';
import { record, text, Uuid } from './fields.ts';

/** Most limits that a Director tells a Transporter. */
export const MAX_LIMITS = 2048;

/** What may go over the links of a Transporter, or those of a job, in the words of `parseBandwidth`. */
export const BandwidthLimit = record({
  of: Type.Union([Type.Literal('transporter'), Type.Literal('job')]),
  id: Uuid,
  bandwidth: Type.String({ minLength: 1, maxLength: LONGEST_BANDWIDTH }),
});
export type BandwidthLimit = Static<typeof BandwidthLimit>;

export const BANDWIDTH_METHODS = {
  /** All limits that concern the Transporter, after each greeting and whenever one changes. They count at once. */
  'bandwidth.set': {
    caller: 'director',
    params: record({
      /** In which the hours of the limits are meant, IANA. */
      timeZone: text(64),
      limits: Type.Array(BandwidthLimit, { maxItems: MAX_LIMITS }),
    }),
    result: record({}),
  },
} as const;
