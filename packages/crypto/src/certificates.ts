import { type KeyObject, X509Certificate } from 'node:crypto';
import { fail } from './failures.ts';
import { sha256 } from './primitives.ts';

/** Longest certificate accepted, bytes of DER. */
export const MAX_CERTIFICATE_LENGTH = 8 * 1024;

/** What a certificate of the Director's authority says about its holder. */
export interface PeerCertificate {
  /** UUID of the holder, from the subject alternative name `urn:uuid:…`. */
  id: string;
  /** What the holder may be: the organizational unit of the subject. */
  role?: string;
  /** Upper-case hexadecimal. */
  serial: string;
  notBefore: Date;
  notAfter: Date;
  publicKey: KeyObject;
  /** SHA-256 of the public key's SubjectPublicKeyInfo. */
  publicKeyHash: Buffer;
}

/** Who a Transporter is: its key and the certificate its Director gave it. */
export interface Identity {
  /** UUID */
  id: string;
  /** Ed25519 */
  privateKey: KeyObject;
  /** PEM */
  certificate: string;
  /** PEM of the Director's certificate authority. */
  authority: string;
}

const SAN_UUID = /^URI:urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const ROLE = /^OU=([a-z][a-z0-9-]{0,31})$/m;

/** SHA-256 of a public key's SubjectPublicKeyInfo: what tickets and pins name a key by. */
export function publicKeyHash(key: KeyObject): Buffer {
  return sha256(key.export({ type: 'spki', format: 'der' }));
}

export function certificateDer(pem: string): Buffer {
  return readCertificate(pem).raw;
}

/** Reads a certificate, PEM or DER, without trusting it. */
export function parseCertificate(pemOrDer: string | Buffer): PeerCertificate {
  return describe(readCertificate(pemOrDer));
}

/** Reads a certificate that a peer presented, if this authority issued it and it is valid at `now`. */
export function verifyPeerCertificate(certDer: Buffer, authorityPem: string, now: Date): PeerCertificate {
  const certificate = readCertificate(certDer);
  const authority = readCertificate(authorityPem);
  if (!authority.ca) throw fail('certificate-invalid', 'The certificate of the authority is not one of an authority.');
  if (!issuedBy(certificate, authority)) {
    throw fail('certificate-untrusted', `Certificate ${certificate.serialNumber} is not from this authority.`);
  }
  const peer = describe(certificate);
  refuseOutOfTime(certificate, `The certificate of ${peer.id}`, now);
  refuseOutOfTime(authority, 'The certificate of the authority', now);
  return peer;
}

/** The certificate of an authority, PEM or DER, and by what people know it. */
export interface AuthorityCertificate {
  pem: string;
  /** SHA-256 of its SubjectPublicKeyInfo: what enrolment tokens pin. */
  fingerprint: Buffer;
}

/** Reads the certificate of an authority without trusting it. */
export function parseAuthority(pemOrDer: string | Buffer): AuthorityCertificate {
  const certificate = readCertificate(pemOrDer);
  if (!certificate.ca) throw fail('certificate-invalid', 'The certificate is not one of an authority.');
  return { pem: certificate.toString(), fingerprint: publicKeyHash(readKey(certificate)) };
}

function issuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  try {
    return !certificate.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  } catch {
    return false;
  }
}

function readCertificate(pemOrDer: string | Buffer): X509Certificate {
  if (pemOrDer.length > MAX_CERTIFICATE_LENGTH) {
    throw fail(
      'certificate-invalid',
      `A certificate of ${pemOrDer.length} bytes is longer than any this system makes.`,
    );
  }
  try {
    return new X509Certificate(pemOrDer);
  } catch (cause) {
    throw fail('certificate-invalid', 'A certificate cannot be read.', { cause });
  }
}

function describe(certificate: X509Certificate): PeerCertificate {
  const id = uuidName(certificate);
  const role = ROLE.exec(certificate.subject)?.[1];
  const publicKey = readKey(certificate);
  return {
    id,
    ...(role === undefined ? {} : { role }),
    serial: certificate.serialNumber,
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    publicKey,
    publicKeyHash: publicKeyHash(publicKey),
  };
}

function readKey(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw fail('certificate-invalid', `Certificate ${certificate.serialNumber} holds no key that can be read.`, {
      cause,
    });
  }
}

function uuidName(certificate: X509Certificate): string {
  const alternatives = certificate.subjectAltName ?? '';
  // A name with a comma in it is printed in quotes and could pass for two; no certificate of ours has one.
  const names = (alternatives.includes('"') ? '' : alternatives)
    .split(', ')
    .flatMap((name) => SAN_UUID.exec(name)?.[1] ?? []);
  const [id] = names;
  if (id === undefined || names.length !== 1) {
    throw fail('certificate-invalid', 'A certificate does not name exactly one UUID.');
  }
  return id;
}

function refuseOutOfTime(certificate: X509Certificate, whose: string, now: Date): void {
  if (now < certificate.validFromDate || now > certificate.validToDate) {
    const span = `${certificate.validFrom} to ${certificate.validTo}`;
    throw fail('certificate-expired', `${whose} is valid from ${span}, not at ${now.toISOString()}.`);
  }
}
