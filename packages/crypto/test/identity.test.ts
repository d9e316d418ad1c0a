import { createPrivateKey, createPublicKey, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import fc from 'fast-check';
import t from 'tap';
import {
  certificateDer,
  createAuthority,
  createEnrolmentToken,
  createKeyAndRequest,
  createTicketKey,
  enrolmentSecretHash,
  loadAuthority,
  newUuidBytes,
  parseCertificate,
  parseEnrolmentToken,
  publicKeyHash,
  readTicket,
  signTicket,
  signWith,
  type TicketGrant,
  uuidBytes,
  uuidText,
  verifyPeerCertificate,
  verifySignature,
  verifyTicket,
} from '../src/index.ts';
import { codeOf, codeOfAsync, deployment, enrol, flip, grantFor } from './fixtures.ts';

const DAY = 86_400_000;
const d = await deployment();

t.test('a Transporter gets the identity the authority gives it, not the one it asks for', async (t) => {
  const { request, privateKey } = await createKeyAndRequest();
  const id = randomUUID();
  const pem = await d.authority.issueTransporter(request, id, 'target');
  const certificate = parseCertificate(pem);
  t.equal(certificate.id, id);
  t.equal(certificate.role, 'target');
  t.ok(certificate.publicKeyHash.equals(publicKeyHash(createPublicKey(privateKey))));
  t.notMatch(new X509Certificate(pem).subject, /sealift/);
  const days = (certificate.notAfter.getTime() - Date.now()) / DAY;
  t.ok(days > 13.9 && days <= 14);
});

t.test('a request that its key did not sign, or of another kind of key, is refused', async (t) => {
  const { request } = await createKeyAndRequest();
  const lines = request.split('\n');
  const der = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  const forged = [lines[0], flip(der, der.length - 1).toString('base64'), '-----END CERTIFICATE REQUEST-----'].join(
    '\n',
  );
  for (const bad of [forged, 'nonsense', '', `${request}${'x'.repeat(9000)}`]) {
    t.equal(await codeOfAsync(d.authority.issueTransporter(bad, randomUUID(), 'source')), 'certificate-invalid');
  }
  t.equal(await codeOfAsync(d.authority.issueTransporter(request, 'not-a-uuid', 'source')), 'uuid-invalid');
  t.equal(await codeOfAsync(d.authority.issueTransporter(request, randomUUID(), 'a,O=b')), 'certificate-invalid');
});

t.test('a peer is accepted from its own authority, within its time, and only as a leaf', async (t) => {
  const der = certificateDer(d.source.certificate);
  const at = (days: number) => new Date(Date.now() + days * DAY);
  t.equal(verifyPeerCertificate(der, d.authority.certificate, at(0)).id, d.source.id);
  t.equal(
    codeOf(() => verifyPeerCertificate(der, d.authority.certificate, at(15))),
    'certificate-expired',
  );
  t.equal(
    codeOf(() => verifyPeerCertificate(der, d.authority.certificate, at(-1))),
    'certificate-expired',
  );
  const other = await createAuthority();
  t.equal(
    codeOf(() => verifyPeerCertificate(der, other.certificate, at(0))),
    'certificate-untrusted',
  );
  const own = certificateDer(d.authority.certificate);
  t.not(
    codeOf(() => verifyPeerCertificate(own, d.authority.certificate, at(0))),
    'no failure',
  );
  t.equal(
    codeOf(() => verifyPeerCertificate(der, d.source.certificate, at(0))),
    'certificate-invalid',
  );
});

t.test('a certificate with any byte altered is refused, and random bytes are, never a crash', async (t) => {
  const der = certificateDer(d.source.certificate);
  const now = new Date();
  const refused = (bytes: Buffer) =>
    codeOf(() => verifyPeerCertificate(bytes, d.authority.certificate, now)).startsWith('certificate-') &&
    ['no failure', 'certificate-invalid'].includes(codeOf(() => parseCertificate(bytes)));
  for (let position = 0; position < der.length; position++) {
    for (const mask of [1, 2, 16, 128, 255]) {
      if (!refused(flip(der, position, mask))) t.fail(`byte ${position}, mask ${mask}`);
    }
  }
  const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(fc.property(random, refused), { numRuns: 100 });
});

t.test('an authority loads again from its key and certificate, and refuses a key that is not its own', async (t) => {
  const again = loadAuthority(d.authority.exportKey(), d.authority.certificate);
  t.equal(again.pin, d.authority.pin);
  const peer = await enrol(again, 'source');
  t.equal(verifyPeerCertificate(certificateDer(peer.certificate), d.authority.certificate, new Date()).id, peer.id);
  const other = await createAuthority();
  t.equal(
    codeOf(() => loadAuthority(other.exportKey(), d.authority.certificate)),
    'certificate-invalid',
  );
  t.equal(
    codeOf(() => loadAuthority('nonsense', d.authority.certificate)),
    'certificate-invalid',
  );
});

t.test('the certificates serve TLS 1.3 with both sides authenticated', async (t) => {
  const listener = await d.authority.issueServer(['localhost', '127.0.0.1'], 30);
  t.equal(createPrivateKey(listener.key).asymmetricKeyType, 'ec');
  t.equal(parseCertificate(listener.certificate).role, 'director');
  const trust = { ca: d.authority.certificate, minVersion: 'TLSv1.3' as const };
  const options = { ...trust, key: listener.key, cert: listener.certificate, requestCert: true };
  const server = createServer(options, (socket) => {
    socket.end(socket.getPeerX509Certificate()?.subjectAltName ?? 'none');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const key = d.source.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const { port } = server.address() as AddressInfo;
  const socket = connect({ ...trust, key, cert: d.source.certificate, host: '127.0.0.1', port });
  const [seen] = (await once(socket, 'data')) as [Buffer];
  t.equal(seen.toString(), `URI:urn:uuid:${d.source.id}`);
  socket.destroy();
  server.close();
});

t.test('a ticket reads back as it was granted', async (t) => {
  const grants = [
    grantFor(d.source, d.target),
    grantFor(d.source, d.target, { domainId: randomUUID(), mode: 'source-side', byteQuota: 5, rights: [] }),
    grantFor(d.source, d.target, { byteQuota: 0, rights: ['append', 'read', 'verify', 'prune', 'delete'] }),
    grantFor(d.source, d.target, { lockFor: 86_400_000, byteQuota: 7 }),
    grantFor(d.source, d.target, { rights: ['copy'], pointHash: randomBytes(32), byteQuota: 7 }),
    grantFor(d.source, d.target, { rights: ['copy'], pointHash: randomBytes(32), lockFor: 86_400_000 }),
  ];
  for (const grant of grants) {
    const bytes = signTicket(d.ticketKey.privateKey, grant);
    const ticket = verifyTicket(bytes, [createTicketKey().publicKey, d.ticketKey.publicKey], {
      ...grant,
      now: new Date(),
    });
    t.same({ ...ticket }, { ...grant, keyId: ticket.keyId });
    t.same(readTicket(bytes), ticket);
  }
});

t.test('a ticket with any byte changed, cut or signed by another key is refused', async (t) => {
  const grant = grantFor(d.source, d.target, { lockFor: 1 });
  const bytes = signTicket(d.ticketKey.privateKey, grant);
  const check = (ticket: Buffer) => () => verifyTicket(ticket, [d.ticketKey.publicKey], { ...grant, now: new Date() });
  for (let position = 0; position < bytes.length; position++) {
    const code = codeOf(check(flip(bytes, position)));
    if (!['ticket-invalid', 'format-unknown'].includes(code)) t.fail(`byte ${position}: ${code}`);
  }
  t.equal(codeOf(check(bytes.subarray(0, -1))), 'ticket-invalid');
  t.equal(codeOf(check(signTicket(createTicketKey().privateKey, grant))), 'ticket-invalid');
  t.equal(codeOf(check(bytes)), 'no failure');
  const unlocked = signTicket(d.ticketKey.privateKey, grantFor(d.source, d.target, { lockFor: 0 }));
  t.equal(codeOf(check(unlocked)), 'ticket-invalid');
});

t.test('a ticket to copy names one recovery point and allows nothing else', async (t) => {
  const grant = grantFor(d.source, d.target, { rights: ['copy'], pointHash: randomBytes(32), mode: 'source-side' });
  const sign = (change: Partial<TicketGrant>) =>
    codeOf(() => signTicket(d.ticketKey.privateKey, { ...grant, ...change }));
  const bytes = signTicket(d.ticketKey.privateKey, grant);
  t.same(readTicket(bytes).pointHash, grant.pointHash);
  t.equal(sign({ rights: ['copy', 'append'] }), 'ticket-invalid');
  t.equal(sign({ rights: ['append'] }), 'ticket-invalid');
  const { pointHash: _, ...nameless } = grant;
  t.equal(
    codeOf(() => signTicket(d.ticketKey.privateKey, nameless)),
    'ticket-invalid',
  );
  // The rights of a ticket that was signed as one to copy, whoever signed it.
  const more = Buffer.from(bytes);
  more.writeUInt8(more.readUInt8(178) | 1, 178);
  t.equal(
    codeOf(() => readTicket(more)),
    'ticket-invalid',
  );
});

t.test('a ticket opens its start window and no more', async (t) => {
  const grant = grantFor(d.source, d.target, { issued: 10_000_000, expires: 10_000_000 + 86_400_000 });
  const bytes = signTicket(d.ticketKey.privateKey, grant);
  const at = (ms: number) =>
    codeOf(() => verifyTicket(bytes, [d.ticketKey.publicKey], { ...grant, now: new Date(10_000_000 + ms) }));
  t.equal(at(0), 'no failure');
  t.equal(at(300_000), 'no failure');
  t.equal(at(300_001), 'ticket-expired');
  t.equal(at(-59_000), 'no failure');
  t.equal(at(-61_000), 'ticket-expired');
});

t.test('an enrolment token carries its secret and the pin, and the Director stores neither', async (t) => {
  const { token, id, secretHash } = createEnrolmentToken(d.authority.pin);
  const parsed = parseEnrolmentToken(` ${token}\n`);
  t.equal(parsed.id, id);
  t.equal(parsed.pin, d.authority.pin);
  t.same(enrolmentSecretHash(parsed.secret), secretHash);
  t.notOk(secretHash.equals(parsed.secret));
  for (const bad of [
    '',
    token.slice(1),
    `${token}A`,
    token.replace('sealift', 'seadrop'),
    'sealift-'.padEnd(115, '!'),
  ]) {
    t.equal(
      codeOf(() => parseEnrolmentToken(bad)),
      'enrolment-token-invalid',
    );
  }
  t.equal(
    codeOf(() => createEnrolmentToken('short')),
    'enrolment-token-invalid',
  );
});

t.test('a signature holds for its label, bytes and key only', async (t) => {
  const bytes = randomBytes(50);
  const signature = signWith(d.source.privateKey, 'manifest', bytes);
  const key = parseCertificate(d.source.certificate).publicKey;
  t.ok(verifySignature(key, 'manifest', bytes, signature));
  t.notOk(verifySignature(key, 'ticket', bytes, signature));
  t.notOk(verifySignature(key, 'manifest', flip(bytes, 1), signature));
  t.notOk(verifySignature(key, 'manifest', bytes, signature.subarray(1)));
  t.notOk(verifySignature(parseCertificate(d.target.certificate).publicKey, 'manifest', bytes, signature));
});

t.test('UUIDs convert both ways and nothing else does', async (t) => {
  const bytes = newUuidBytes();
  t.same(uuidBytes(uuidText(bytes)), bytes);
  for (const bad of ['', randomUUID().toUpperCase(), `${randomUUID()}0`])
    t.equal(
      codeOf(() => uuidBytes(bad)),
      'uuid-invalid',
    );
  t.equal(
    codeOf(() => uuidText(Buffer.alloc(15))),
    'uuid-invalid',
  );
});
