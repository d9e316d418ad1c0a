import { type KeyObject, sign } from 'node:crypto';
import {
  certificateDer,
  createAuthority,
  createKeyAndRequest,
  loadAuthority,
  parseCertificate,
  verifyPeerCertificate,
} from '@sealift/crypto';
import t from 'tap';
import { fuzz } from './mutations.ts';

/** OpenSSL reads each certificate and its key: about 0.1 ms an input. */
const READINGS = 10_000;
/** A request is read by a parser of ASN.1, verified, and certified if it holds: about 1 ms an input. */
const REQUESTS = 1000;

const ID = '0d3f1a52-8c1e-4a57-9a3b-0c9a5a1e7d11';
const ED25519 = Buffer.from('300506032b6570', 'hex');
const authority = await createAuthority();
const { privateKey, request } = await createKeyAndRequest();
const certificate = await authority.issueTransporter(request, ID, 'source');
const server = await authority.issueServer(['localhost', '127.0.0.1', '::1'], 30);
const ders = [certificate, server.certificate].map(certificateDer);

t.test('certificates in DER', async (t) => fuzz(t, ders, parseCertificate, READINGS));

t.test('certificates in PEM', async (t) => {
  const samples = [certificate, server.certificate].map((pem) => Buffer.from(pem));
  await fuzz(t, samples, (bytes) => parseCertificate(bytes.toString('latin1')), READINGS);
});

t.test('certificates that a peer presents', async (t) => {
  const now = new Date();
  await fuzz(t, ders, (bytes) => verifyPeerCertificate(bytes, authority.certificate, now), READINGS);
});

t.test('the key and the certificate of an authority', async (t) => {
  const key = authority.exportKey();
  const load = (bytes: Buffer) => loadAuthority(key, bytes.toString('latin1'));
  await fuzz(t, [Buffer.from(authority.certificate)], load, READINGS);
  const loadKey = (bytes: Buffer) => loadAuthority(bytes.toString('latin1'), authority.certificate);
  await fuzz(t, [Buffer.from(key)], loadKey, READINGS);
});

const certify = (pem: string) => authority.issueTransporter(pem, ID, 'source');

t.test('certificate requests in PEM', async (t) => {
  await fuzz(t, [Buffer.from(request)], (bytes) => certify(bytes.toString('latin1')), REQUESTS);
});

t.test('certificate requests, their DER changed', async (t) => {
  await fuzz(t, [derOf(request)], (bytes) => certify(pemOf(bytes)), REQUESTS);
});

t.test('certificate requests, signed anew by who changed them', async (t) => {
  await fuzz(t, [whatIsSigned(derOf(request))], (bytes) => certify(pemOf(signedRequest(bytes, privateKey))), REQUESTS);
});

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
}

function pemOf(der: Buffer): string {
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** The first element of a request: all that stands before the Ed25519 algorithm and the signature, 7 and 67 bytes. */
function whatIsSigned(der: Buffer): Buffer {
  return der.subarray(der.length < 130 ? 2 : 3, -(ED25519.length + 67));
}

function signedRequest(info: Buffer, key: KeyObject): Buffer {
  const signature = Buffer.concat([Buffer.from('034100', 'hex'), sign(null, info, key)]);
  const body = Buffer.concat([info, ED25519, signature]);
  const head = Buffer.from([0x30, 0x82, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([head, body]);
}
