import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, randomUUID, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Extension, JsonGeneralNames, Pkcs10CertificateRequest } from '@peculiar/x509';
import { certificateDer, publicKeyHash } from './certificates.ts';
import { fail } from './failures.ts';
import { uuidBytes } from './uuid.ts';

const DAY = 24 * 60 * 60 * 1000;
/** Certificates are valid from a little earlier, so that clocks may differ. */
const CLOCK_SKEW = 10 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
const TRANSPORTER_DAYS = 14;
const MAX_REQUEST_LENGTH = 8 * 1024;
const ROLE = /^[a-z][a-z0-9-]{0,31}$/;
/** The role in the certificate of the Director's own listener. */
const DIRECTOR_ROLE = 'director';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const P256_SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const ED25519 = { name: 'Ed25519' } as const;

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

/** The Director's certificate authority, P-256. */
export interface Authority {
  /** PEM */
  readonly certificate: string;
  /** SHA-256 of the authority's SubjectPublicKeyInfo, base64url: what an enrolment token pins. */
  readonly pin: string;
  /** Certifies the key of a request, PEM in and out. The names in the request are ignored: `id` and `role` count. */
  issueTransporter(request: string, id: string, role: string, days?: number): Promise<string>;
  /** A key and a certificate for a listener reached by these DNS names and IP addresses, both PEM. */
  issueServer(names: string[], days: number, id?: string): Promise<{ key: string; certificate: string }>;
  /** The private key, PEM. */
  exportKey(): string;
}

/** A new Ed25519 key and a request for a certificate over it, PEM. */
export async function createKeyAndRequest(): Promise<{ privateKey: KeyObject; request: string }> {
  const x509 = await import('./x509.ts');
  const keys = (await webcrypto.subtle.generateKey(ED25519, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=sealift',
    keys,
    signingAlgorithm: ED25519,
  });
  return { privateKey: await toKeyObject(keys.privateKey), request: request.toString('pem') };
}

export async function createAuthority(): Promise<Authority> {
  const x509 = await import('./x509.ts');
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Sealift authority ${randomUUID()}`,
    notBefore: new Date(now - CLOCK_SKEW),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY),
    keys,
    signingAlgorithm: P256_SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf(await toKeyObject(keys.privateKey), certificate.toString('pem'));
}

/** The authority from what `exportKey()` and `certificate` gave. */
export function loadAuthority(pemKey: string, pemCertificate: string): Authority {
  let key: KeyObject;
  try {
    key = createPrivateKey(pemKey);
  } catch (cause) {
    throw fail('certificate-invalid', 'The private key of the authority cannot be read.', { cause });
  }
  const authority = authorityOf(key, pemCertificate);
  if (authority.pin !== publicKeyHash(createPublicKey(key)).toString('base64url')) {
    throw fail('certificate-invalid', 'The private key and the certificate of the authority do not belong together.');
  }
  return authority;
}

function authorityOf(key: KeyObject, certificate: string): Authority {
  return {
    certificate,
    pin: publicKeyHash(keyInCertificate(certificate)).toString('base64url'),
    issueTransporter: (request, id, role, days = TRANSPORTER_DAYS) =>
      issueTransporter({ key, certificate }, request, { id, role, days }),
    issueServer: (names, days, id = randomUUID()) => issueServer({ key, certificate }, names, { id, days }),
    exportKey: () => key.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function keyInCertificate(certificate: string): KeyObject {
  try {
    return createPublicKey({ key: certificate, format: 'pem' });
  } catch (cause) {
    throw fail('certificate-invalid', 'The certificate of the authority cannot be read.', { cause });
  }
}

interface Issuer {
  key: KeyObject;
  certificate: string;
}

async function issueTransporter(
  issuer: Issuer,
  pem: string,
  holder: { id: string; role: string; days: number },
): Promise<string> {
  const request = await verifiedRequest(pem);
  return issue(issuer, await request.publicKey.export(ED25519, ['verify'], webcrypto), {
    ...holder,
    names: [],
  });
}

async function issueServer(issuer: Issuer, names: string[], holder: { id: string; days: number }) {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const sans = names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name }));
  const certificate = await issue(issuer, keys.publicKey, { ...holder, role: DIRECTOR_ROLE, names: sans });
  const key = (await toKeyObject(keys.privateKey)).export({ type: 'pkcs8', format: 'pem' }) as string;
  return { key, certificate };
}

async function verifiedRequest(pem: string): Promise<Pkcs10CertificateRequest> {
  const x509 = await import('./x509.ts');
  if (pem.length > MAX_REQUEST_LENGTH) throw fail('certificate-invalid', 'A certificate request is too long.');
  let verified = false;
  let request: Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    verified = request.publicKey.algorithm.name === ED25519.name && (await request.verify());
  } catch (cause) {
    throw fail('certificate-invalid', 'A certificate request cannot be read.', { cause });
  }
  if (!verified) throw fail('certificate-invalid', 'A certificate request is not signed by the Ed25519 key it names.');
  return request;
}

async function issue(
  issuer: Issuer,
  publicKey: webcrypto.CryptoKey,
  holder: { id: string; role: string; days: number; names: JsonGeneralNames },
): Promise<string> {
  uuidBytes(holder.id);
  if (!ROLE.test(holder.role)) throw fail('certificate-invalid', `"${holder.role}" is not the name of a role.`);
  const x509 = await import('./x509.ts');
  const authority = new x509.X509Certificate(certificateDer(issuer.certificate));
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${holder.id}, OU=${holder.role}`,
    issuer: authority.subjectName,
    notBefore: new Date(now - CLOCK_SKEW),
    notAfter: new Date(now + holder.days * DAY),
    publicKey,
    signingKey: await signingKey(issuer.key),
    signingAlgorithm: P256_SIGNING,
    extensions: await leafExtensions(issuer, publicKey, holder),
  });
  return certificate.toString('pem');
}

async function leafExtensions(
  issuer: Issuer,
  publicKey: webcrypto.CryptoKey,
  holder: { id: string; names: JsonGeneralNames },
): Promise<Extension[]> {
  const x509 = await import('./x509.ts');
  const authority = new x509.X509Certificate(certificateDer(issuer.certificate));
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH], false),
    new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `urn:uuid:${holder.id}` }, ...holder.names]),
    await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

async function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, P256, false, ['sign']);
}

async function toKeyObject(key: webcrypto.CryptoKey): Promise<KeyObject> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** 127 random bits, positive as X.509 wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8() & 0x3f) | 0x40);
  return bytes.toString('hex');
}
