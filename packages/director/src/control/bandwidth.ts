import { toFailure } from '@sealift/core';
import { MAX_LIMITS, parseBandwidth } from '@sealift/wire';
import type { Context } from '../context.ts';
import { bandwidthLimits } from '../db/bandwidth.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

/** How long a Transporter may take to note limits, ms; one that does not answer learns them with its next greeting. */
const PATIENCE = 10_000;

/** Refuses what is no limit, and one more than Transporters are told of. */
export async function checkBandwidth({ db, timeZone }: Context, bandwidth: string): Promise<void> {
  parseBandwidth(bandwidth, timeZone);
  if ((await bandwidthLimits(db)).length < MAX_LIMITS) return;
  throw fail('too-many-limits', `${MAX_LIMITS} jobs and Transporters have a limit of their bandwidth already.`);
}

/** Tells everybody who is connected: what runs goes on under the new limits at once. */
export async function spreadBandwidth(context: Context): Promise<void> {
  await Promise.all(context.connections.all().map((session) => tellBandwidth(context, session)));
}

/** Tells one Transporter all limits. An older one, which knows of none, goes on without. */
export async function tellBandwidth({ db, timeZone, log }: Context, { peer, transporter }: Session): Promise<void> {
  try {
    const limits = await bandwidthLimits(db);
    await peer.call('bandwidth.set', { timeZone, limits }, AbortSignal.timeout(PATIENCE));
  } catch (thrown) {
    log.warn({ transporter: transporter.name, failure: toFailure(thrown) }, 'bandwidth limits not told');
  }
}
