import { createEnrolmentToken } from '@sealift/crypto';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { checkBandwidth, spreadBandwidth } from '../control/bandwidth.ts';
import { revoke } from '../control/revoke.ts';
import { setTransporterBandwidth } from '../db/bandwidth.ts';
import { addToken } from '../db/enrolment-tokens.ts';
import {
  listTransporters,
  needsOf,
  removeTransporter,
  transporterByName,
  transporterNamed,
} from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';
import { transporterResource } from '../resources/transporter.ts';
import { serve } from './serve.ts';

/** How long a token is good for, ms. */
const TOKEN_LIFE = 60 * 60 * 1000;

/** How long a Transporter may take to look at its disks. */
const LOOKING_MS = 60_000;

export function serveTransporters(app: FastifyInstance, context: Context): void {
  const { db, authority, log } = context;

  serve(app, 'listTransporters', async ({ query }) => {
    const { items, ...next } = await listTransporters(db, query);
    return { items: items.map((transporter) => transporterResource(context, transporter)), ...next };
  });

  serve(app, 'getTransporter', async ({ params }) =>
    transporterResource(context, await transporterNamed(db, params.id)),
  );

  serve(app, 'updateTransporter', async ({ params, body: { bandwidth } }) => {
    const { id, name } = await transporterNamed(db, params.id);
    if (bandwidth !== undefined) {
      if (bandwidth !== null) await checkBandwidth(context, bandwidth);
      await setTransporterBandwidth(db, id, bandwidth);
      log.info({ audit: 'transporter', transporter: name, bandwidth }, 'Transporter changed');
      await spreadBandwidth(context);
    }
    return transporterResource(context, await transporterNamed(db, id));
  });

  serve(app, 'getDisks', async ({ params }) => {
    const transporter = await transporterNamed(db, params.id);
    if (transporter.role === 'target') {
      throw fail('role-unfit', `${transporter.name} is a target; disks are told of by a source or an agent.`);
    }
    const { peer } = context.connections.required(transporter);
    return await peer.call('machine.disks', {}, AbortSignal.timeout(LOOKING_MS));
  });

  serve(app, 'revokeTransporter', async ({ params }) => {
    const transporter = await transporterNamed(db, params.id);
    await revoke(context, transporter);
    return transporterResource(context, await transporterNamed(db, transporter.id));
  });

  serve(app, 'removeTransporter', async ({ params }) => {
    const transporter = await transporterNamed(db, params.id);
    const needs = await needsOf(db, transporter.id);
    if (needs.length > 0) {
      const some = `${needs.slice(0, 5).join(', ')}${needs.length > 5 ? ` and ${needs.length - 5} more` : ''}`;
      throw fail('transporter-needed', `The Transporter ${transporter.name} is needed by ${some}.`);
    }
    await revoke(context, transporter);
    await removeTransporter(db, transporter.id);
    return transporterResource(context, { ...transporter, revokedAt: Date.now() });
  });

  // A token for a name that is there already lets a Transporter that lost its identity come back under it.
  serve(app, 'createToken', async ({ body: { name, role } }) => {
    const present = await transporterByName(db, name);
    if (present !== undefined && present.role !== role) {
      throw fail('name-taken', `There is a Transporter ${name} already, a ${present.role}.`);
    }
    const { token, id, secretHash } = createEnrolmentToken(authority.pin);
    const now = Date.now();
    const expiresAt = now + TOKEN_LIFE;
    await addToken(db, { id, name, role, secretHash, expiresAt }, now);
    log.info({ transporter: name, role, token: id }, 'enrolment token made');
    return { token, expiresAt: isoTime(expiresAt) };
  });
}
