import { type KeyObject, randomBytes } from 'node:crypto';
import {
  certificateDer,
  type Identity,
  type PeerCertificate,
  parseCertificate,
  verifyPeerCertificate,
} from '../certificates.ts';
import { fail } from '../failures.ts';
import { createRecordOpener } from '../records/opener.ts';
import { createRecordSealer } from '../records/sealer.ts';
import { readTicket, type Ticket, verifyTicket } from '../tickets.ts';
import { xWingEncapsulate } from '../x-wing.ts';
import type { HandshakeResult, MessageChannel } from './channel.ts';
import { decodeFinish, decodeSourceHello, encodeFinish, encodeTargetHello, NONCE_BYTES, SUITE } from './messages.ts';
import { checkProof, handshakeSecret, proveSelf, recordSecret } from './schedule.ts';

export interface TargetHandshakeOptions {
  identity: Identity;
  /** The one before it, for tickets that were made out to its key. */
  earlier?: Identity | undefined;
  /** Public keys of the Director that may have signed the ticket. */
  ticketKeys: () => KeyObject[];
  /** Called last, when the source has proved that the ticket is its own; throws when it was used before or revoked. */
  useTicket: (ticket: Ticket, peer: PeerCertificate) => void;
  now?: () => Date;
}

/** The side that listens. Resolves once the source has proved its key and its ticket was taken; data may then flow. */
export async function targetHandshake(
  channel: MessageChannel,
  o: TargetHandshakeOptions,
): Promise<HandshakeResult & { ticket: Ticket }> {
  const first = await channel.receive();
  const hello = decodeSourceHello(first);
  if (!hello.suites.includes(SUITE)) throw fail('handshake-failed', 'The source offers no suite that is known here.');
  const identity = namedBy(hello.ticket, o);
  const { peer, ticket } = admit(hello, identity, o);
  const { sharedSecret, ciphertext } = xWingEncapsulate(hello.publicKey);
  const certificate = certificateDer(identity.certificate);
  const second = encodeTargetHello({ suite: SUITE, nonce: randomBytes(NONCE_BYTES), ciphertext, certificate });
  const handshake = handshakeSecret([first, second], sharedSecret);
  const third = encodeFinish(3, proveSelf('target', handshake, identity.privateKey, [first, second]));
  await channel.send(second);
  await channel.send(third);
  const fourth = await channel.receive();
  checkProof('source', handshake, peer.publicKey, [first, second, third], decodeFinish(4, fourth));
  o.useTicket(ticket, peer);
  const secret = recordSecret(handshake, [first, second, third, fourth]);
  return {
    peer,
    ticket,
    sealer: createRecordSealer(secret, 'target'),
    opener: createRecordOpener(secret, 'source'),
  };
}

/** A ticket on its way while this side renewed its certificate names the key of before. */
function namedBy(ticket: Buffer, { identity, earlier }: TargetHandshakeOptions): Identity {
  return earlier !== undefined && readTicket(ticket).targetKeyHash.equals(keyHashOf(earlier)) ? earlier : identity;
}

function keyHashOf({ certificate }: Identity): Buffer {
  return parseCertificate(certificate).publicKeyHash;
}

function admit(
  { certificate, ticket: bytes }: { certificate: Buffer; ticket: Buffer },
  identity: Identity,
  o: TargetHandshakeOptions,
): { peer: PeerCertificate; ticket: Ticket } {
  const now = o.now?.() ?? new Date();
  const peer = verifyPeerCertificate(certificate, identity.authority, now);
  const expected = { sourceKeyHash: peer.publicKeyHash, targetKeyHash: keyHashOf(identity), now };
  return { peer, ticket: verifyTicket(bytes, o.ticketKeys(), expected) };
}
