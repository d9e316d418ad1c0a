import { parseCertificate } from '@sealift/crypto';
import type { Params, Result } from '@sealift/wire';
import type { Context } from '../context.ts';
import { addCertificate } from '../db/certificates.ts';
import { recordRenewal } from '../db/transporters.ts';
import type { Session } from '../inventory/connections.ts';

/** A new certificate for a Transporter. Its present one counts until it has greeted with the new one. */
export async function renewCertificate(
  { db, authority, log }: Context,
  { transporter }: Session,
  { request }: Params<'certificate.renew'>,
): Promise<Result<'certificate.renew'>> {
  const certificate = await authority.issueTransporter(request, transporter.id, transporter.role);
  const { publicKeyHash, notAfter, serial } = parseCertificate(certificate);
  await db.batch([addCertificate({ serial, transporterId: transporter.id, expiresAt: notAfter.getTime() })]);
  await recordRenewal(db, transporter.id, publicKeyHash);
  log.info({ transporter: transporter.name, until: notAfter }, 'certificate renewed');
  return { certificate, authority: authority.certificate };
}
