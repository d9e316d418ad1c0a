import { randomBytes } from 'node:crypto';
import { certificateDer, type Identity, type PeerCertificate, verifyPeerCertificate } from '../certificates.ts';
import { fail } from '../failures.ts';
import { createRecordOpener } from '../records/opener.ts';
import { createRecordSealer } from '../records/sealer.ts';
import { readTicket } from '../tickets.ts';
import { createXWingKeyPair, xWingDecapsulate } from '../x-wing.ts';
import type { HandshakeResult, MessageChannel } from './channel.ts';
import { decodeFinish, decodeTargetHello, encodeFinish, encodeSourceHello, NONCE_BYTES, SUITE } from './messages.ts';
import { checkProof, handshakeSecret, proveSelf, recordSecret } from './schedule.ts';

export interface SourceHandshakeOptions {
  identity: Identity;
  /** From the Director; names both certificates. */
  ticket: Buffer;
  now?: () => Date;
}

/** The side that connects. Resolves once the target has proved its key and this side its own; data may then flow. */
export async function sourceHandshake(channel: MessageChannel, o: SourceHandshakeOptions): Promise<HandshakeResult> {
  const pair = createXWingKeyPair();
  const first = encodeSourceHello({
    suites: [SUITE],
    nonce: randomBytes(NONCE_BYTES),
    publicKey: pair.publicKey,
    ticket: o.ticket,
    certificate: certificateDer(o.identity.certificate),
  });
  await channel.send(first);
  const second = await channel.receive();
  const hello = decodeTargetHello(second);
  if (hello.suite !== SUITE)
    throw fail('handshake-failed', `The target chose suite ${hello.suite}, which was not offered.`);
  const peer = targetOf(hello.certificate, o);
  const handshake = handshakeSecret([first, second], xWingDecapsulate(pair, hello.ciphertext));
  const third = await channel.receive();
  checkProof('target', handshake, peer.publicKey, [first, second], decodeFinish(3, third));
  const proof = proveSelf('source', handshake, o.identity.privateKey, [first, second, third]);
  const fourth = encodeFinish(4, proof);
  await channel.send(fourth);
  const secret = recordSecret(handshake, [first, second, third, fourth]);
  return { peer, sealer: createRecordSealer(secret, 'source'), opener: createRecordOpener(secret, 'target') };
}

/** Any Transporter of the authority has a valid certificate; only the one the ticket names is the wanted target. */
function targetOf(certificate: Buffer, o: SourceHandshakeOptions): PeerCertificate {
  const peer = verifyPeerCertificate(certificate, o.identity.authority, o.now?.() ?? new Date());
  if (!readTicket(o.ticket).targetKeyHash.equals(peer.publicKeyHash)) {
    throw fail('ticket-misdirected', `${peer.id} answered, which is not the target that the ticket names.`);
  }
  return peer;
}
