import { ByteReader, u8, u16, u32 } from '../byte-reader.ts';
import { MAX_CERTIFICATE_LENGTH } from '../certificates.ts';
import { fail } from '../failures.ts';
import { SIGNATURE_LENGTH } from '../signatures.ts';
import { X_WING_CIPHERTEXT_LENGTH, X_WING_PUBLIC_LENGTH } from '../x-wing.ts';

/*
 * The four messages, each `u32 length, u8 number, body`; the length counts what follows it. Transcripts hash these
 * bytes exactly as sent, prefix included, so that no two sequences of messages give the same transcript.
 *
 *   1  version u8, count u8, suites u8..., nonce 32 B, X-Wing public key 1216 B, ticket (u16 length), certificates
 *   2  version u8, suite u8, nonce 32 B, X-Wing ciphertext 1120 B, certificates
 *   3  Ed25519 signature 64 B, finished MAC 32 B
 *   4  the same
 *
 * certificates: count u8 (always 1: the authority issues directly), u16 length, DER.
 */

export const HANDSHAKE_VERSION = 1;
/** X-Wing, Ed25519, HMAC-SHA-256, AES-256-GCM. */
export const SUITE = 1;

export const NONCE_BYTES = 32;
const FINISHED_BYTES = 32;
const MAX_MESSAGE_LENGTH = 16 * 1024;
const MAX_SUITES = 8;
const MAX_TICKET_LENGTH = 1024;

export interface SourceHello {
  suites: number[];
  nonce: Buffer;
  publicKey: Buffer;
  ticket: Buffer;
  certificate: Buffer;
}

export interface TargetHello {
  suite: number;
  nonce: Buffer;
  ciphertext: Buffer;
  certificate: Buffer;
}

export interface Finish {
  signature: Buffer;
  finished: Buffer;
}

export function encodeSourceHello(hello: SourceHello): Buffer {
  return framed(1, [
    u8(HANDSHAKE_VERSION),
    u8(hello.suites.length),
    Buffer.from(hello.suites),
    hello.nonce,
    hello.publicKey,
    u16(hello.ticket.length),
    hello.ticket,
    certificates(hello.certificate),
  ]);
}

export function decodeSourceHello(message: Buffer): SourceHello {
  const reader = unframed(1, message);
  readVersion(reader);
  const suiteCount = reader.u8();
  if (suiteCount > MAX_SUITES) throw malformed(`offers ${suiteCount} suites`);
  const hello = {
    suites: [...reader.bytes(suiteCount)],
    nonce: reader.bytes(NONCE_BYTES),
    publicKey: reader.bytes(X_WING_PUBLIC_LENGTH),
    ticket: reader.prefixed16(MAX_TICKET_LENGTH),
    certificate: readCertificates(reader),
  };
  reader.end();
  return hello;
}

export function encodeTargetHello(hello: TargetHello): Buffer {
  const suite = u8(hello.suite);
  return framed(2, [u8(HANDSHAKE_VERSION), suite, hello.nonce, hello.ciphertext, certificates(hello.certificate)]);
}

export function decodeTargetHello(message: Buffer): TargetHello {
  const reader = unframed(2, message);
  readVersion(reader);
  const hello = {
    suite: reader.u8(),
    nonce: reader.bytes(NONCE_BYTES),
    ciphertext: reader.bytes(X_WING_CIPHERTEXT_LENGTH),
    certificate: readCertificates(reader),
  };
  reader.end();
  return hello;
}

export function encodeFinish(number: 3 | 4, finish: Finish): Buffer {
  return framed(number, [finish.signature, finish.finished]);
}

export function decodeFinish(number: 3 | 4, message: Buffer): Finish {
  const reader = unframed(number, message);
  const finish = { signature: reader.bytes(SIGNATURE_LENGTH), finished: reader.bytes(FINISHED_BYTES) };
  reader.end();
  return finish;
}

function framed(number: number, fields: Buffer[]): Buffer {
  const body = Buffer.concat([u8(number), ...fields]);
  return Buffer.concat([u32(body.length), body]);
}

function unframed(number: number, message: Buffer): ByteReader {
  if (message.length > MAX_MESSAGE_LENGTH) throw malformed(`has ${message.length} bytes`);
  const reader = new ByteReader(message, malformed);
  const length = reader.u32();
  if (length !== reader.remaining) throw malformed(`declares ${length} bytes and has ${reader.remaining}`);
  const found = reader.u8();
  if (found !== number) throw malformed(`has number ${found} where ${number} is due`);
  return reader;
}

function readVersion(reader: ByteReader): void {
  const version = reader.u8();
  if (version !== HANDSHAKE_VERSION)
    throw fail('format-unknown', `The other side speaks handshake version ${version}.`);
}

function certificates(der: Buffer): Buffer {
  return Buffer.concat([u8(1), u16(der.length), der]);
}

function readCertificates(reader: ByteReader): Buffer {
  const count = reader.u8();
  if (count !== 1) throw malformed(`brings ${count} certificates`);
  return reader.prefixed16(MAX_CERTIFICATE_LENGTH);
}

function malformed(what: string) {
  return fail('handshake-failed', `A handshake message ${what}.`);
}
