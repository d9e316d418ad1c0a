import { toFailure } from '@sealift/core';
import type { Context } from '../context.ts';
import { revokeAll, revokedSerials } from '../db/certificates.ts';
import { runningRunsOf } from '../db/runs.ts';
import type { Transporter } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { closeRun } from '../schedule/run-end.ts';

/** How long a Transporter may take to note the list, ms; one that does not answer learns it with its next greeting. */
const PATIENCE = 10_000;

/** Takes every certificate of a Transporter back: here, and at all that could speak with it. */
export async function revoke(context: Context, transporter: Transporter): Promise<void> {
  const { db, log, connections } = context;
  const { id, name } = transporter;
  const failure = fail('transporter-revoked', `The Transporter ${name} was revoked.`);
  const running = await runningRunsOf(db, id);
  await db.batch(revokeAll(id, Date.now()));
  log.warn({ transporter: name }, 'Transporter revoked');
  connections.of(id)?.peer.abort(failure);
  for (const run of running) await closeRun(context, run, { state: 'failed', failure });
  await spread(context);
}

/** Tells everybody who is connected which certificates count no more. */
async function spread({ db, connections, log }: Context): Promise<void> {
  const serials = await revokedSerials(db, Date.now());
  const told = connections.all().map(async ({ peer, transporter }) => {
    await peer.call('trust.revoked', { serials }, AbortSignal.timeout(PATIENCE)).catch((thrown) => {
      log.warn({ transporter: transporter.name, failure: toFailure(thrown) }, 'revocation not told yet');
    });
  });
  await Promise.all(told);
}
