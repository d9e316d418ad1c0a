import { randomUUID, timingSafeEqual } from 'node:crypto';
import { type Failure, toFailure } from '@sealift/core';
import { enrolmentSecretHash, parseCertificate } from '@sealift/crypto';
import type { EnrolmentResource, RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { addCertificate } from '../db/certificates.ts';
import { type EnrolmentToken, findToken, spendToken } from '../db/enrolment-tokens.ts';
import { enrolTransporter, transporterByName } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import { serve } from './serve.ts';

type Enrolment = RequestPart<'enrol', 'body'>;

export function serveEnrolment(
  app: FastifyInstance,
  context: Context,
  o: { attempts: FailedAttempts; controlUrl: () => string },
): void {
  serve(app, 'enrol', async ({ body, request }) => {
    o.attempts.refuseIfTooMany(request.ip);
    try {
      return { ...(await enrol(context, body)), controlUrl: o.controlUrl() };
    } catch (thrown) {
      const failure = toFailure(thrown);
      o.attempts.record(request.ip);
      context.log.warn({ failure, address: request.ip, name: body.name }, 'enrolment refused');
      throw failure;
    }
  });
}

async function enrol(
  context: Context,
  { token, request, name }: Enrolment,
): Promise<Omit<EnrolmentResource, 'controlUrl'>> {
  const { db, authority, log } = context;
  const now = Date.now();
  const { role } = await usableToken(context, token, name, now);
  const id = (await transporterByName(db, name))?.id ?? randomUUID();
  const certificate = await authority.issueTransporter(request, id, role);
  const { publicKeyHash, notAfter, serial } = parseCertificate(certificate);
  const member = { id, name, role, enrolledAt: now, keyHash: publicKeyHash, certificateExpiresAt: notAfter.getTime() };
  // Whoever spends the token is a member, whoever comes second is neither.
  const issued = addCertificate({ serial, transporterId: id, expiresAt: notAfter.getTime() });
  const refusedAt = await db.batch([spendToken(token.id, now), enrolTransporter(member), issued]);
  if (refusedAt === 0) throw used(token.id);
  if (refusedAt !== undefined) throw fail('name-taken', `There is another Transporter ${name}.`);
  log.info({ transporter: name, role, id }, 'Transporter enrolled');
  return { id, name, role, certificate, authority: authority.certificate };
}

async function usableToken(
  { db }: Context,
  token: Enrolment['token'],
  name: string,
  now: number,
): Promise<EnrolmentToken> {
  const known = await findToken(db, token.id);
  const secretHash = enrolmentSecretHash(Buffer.from(token.secret, 'base64url'));
  if (known === undefined || !timingSafeEqual(secretHash, known.secretHash)) {
    throw fail('token-invalid', `There is no enrolment token ${token.id} with this secret.`);
  }
  if (known.spentAt !== undefined) throw used(token.id);
  if (now >= known.expiresAt) {
    throw fail('token-expired', `The enrolment token ${token.id} ended at ${new Date(known.expiresAt).toISOString()}.`);
  }
  if (known.name !== name)
    throw fail('token-misdirected', `The enrolment token is for ${known.name}, not for ${name}.`);
  return known;
}

function used(id: string): Failure {
  return fail('token-used', `The enrolment token ${id} was used before.`);
}
