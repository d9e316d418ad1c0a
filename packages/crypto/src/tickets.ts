import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { ByteReader, u8, u64 } from './byte-reader.ts';
import { publicKeyHash } from './certificates.ts';
import { fail } from './failures.ts';
import { SIGNATURE_LENGTH, signWith, verifySignature } from './signatures.ts';
import { uuidBytes, uuidText } from './uuid.ts';

/*
 * A ticket: fixed layout, then its signature.
 *
 *   0  version u8 = 1, 2 with a lock, 3 for the copy of a recovery point, 4 for one with a lock
 *   1  key id, 8 B: first bytes of SHA-256 of the Director's ticket key
 *   9  jti, 16 B                       25  issued u64 ms     33  expires u64 ms     41  longest duration u64 ms
 *  49  job, 16 B                       65  run, 16 B
 *  81  source key hash, 32 B          113  target key hash, 32 B
 * 145  repository, 16 B               161  encryption domain, 16 B (zeros: none)
 * 177  mode u8 (1 in-flight, 2 source-side)
 * 178  rights u8, one bit each         179  byte quota u64 (2^53 - 1: none)
 * 187  versions 2 and 4: lock u64 ms, for how long the target keeps the recovery point from being removed, at least 1
 *  -   versions 3 and 4: SHA-256 of the recovery point file, 32 B, which is all that may be committed
 *      Ed25519 signature, 64 B
 */

const KEY_ID_LENGTH = 8;
/** By version. A ticket is of the oldest version that can say it, so that as many targets as can be read it. */
const TICKET_LENGTHS: Record<number, number> = {
  1: 187 + SIGNATURE_LENGTH,
  2: 195 + SIGNATURE_LENGTH,
  3: 219 + SIGNATURE_LENGTH,
  4: 227 + SIGNATURE_LENGTH,
};
const LABEL = 'ticket';
const NO_DOMAIN = Buffer.alloc(16);
const NO_QUOTA = Number.MAX_SAFE_INTEGER;

/** A ticket must be used within this time after it was issued, ms. */
export const TICKET_START_WINDOW = 5 * 60 * 1000;
/** How far the clocks of Director and target may differ, ms. */
const CLOCK_SKEW = 60 * 1000;

const MODES = ['in-flight', 'source-side'] as const;
const RIGHTS = ['append', 'read', 'verify', 'prune', 'delete', 'copy'] as const;

export type EncryptionMode = (typeof MODES)[number];
export type TicketRight = (typeof RIGHTS)[number];

/** What the Director allows one connection between two Transporters. Times in ms. */
export interface Ticket {
  /** UUID, never used twice. */
  jti: string;
  /** Hexadecimal; set by signTicket. */
  keyId: string;
  issued: number;
  expires: number;
  longestDuration: number;
  jobId: string;
  runId: string;
  /** publicKeyHash of the Transporter that connects. */
  sourceKeyHash: Buffer;
  /** publicKeyHash of the Transporter that listens. */
  targetKeyHash: Buffer;
  repositoryId: string;
  domainId?: string;
  mode: EncryptionMode;
  rights: TicketRight[];
  byteQuota?: number;
  /** The recovery point that is made is locked for so long from its receipt, ms. */
  lockFor?: number;
  /** Right `copy`, and with it alone: SHA-256 of the recovery point file that may be committed. Its run is the point. */
  pointHash?: Buffer;
}

export type TicketGrant = Omit<Ticket, 'keyId'>;

export function createTicketKey(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('ed25519');
}

export function signTicket(key: KeyObject, grant: TicketGrant): Buffer {
  const body = encodeTicket(ticketKeyId(createPublicKey(key)), grant);
  return Buffer.concat([body, signWith(key, LABEL, body)]);
}

/** Reads a ticket if one of `keys` signed it, its start window is open, and it was made for these two certificates. */
export function verifyTicket(
  bytes: Buffer,
  keys: KeyObject[],
  expect: { sourceKeyHash: Buffer; targetKeyHash: Buffer; now: Date },
): Ticket {
  const ticket = readTicket(bytes);
  const key = keys.find((candidate) => ticketKeyId(candidate).toString('hex') === ticket.keyId);
  if (key === undefined)
    throw fail('ticket-invalid', `Ticket ${ticket.jti} is signed with a key that is not known here.`);
  const [body, signature] = [bytes.subarray(0, -SIGNATURE_LENGTH), bytes.subarray(-SIGNATURE_LENGTH)];
  if (!verifySignature(key, LABEL, body, signature)) {
    throw fail('ticket-invalid', `The signature of ticket ${ticket.jti} does not verify.`);
  }
  refuseMisdirected(ticket, expect);
  refuseOutOfTime(ticket, expect.now.getTime());
  return ticket;
}

/** What a ticket says, its signature not checked: for who carries it and must not hand it to the wrong peer. */
export function readTicket(bytes: Buffer): Ticket {
  const reader = new ByteReader(bytes, (what) => fail('ticket-invalid', `A ticket ${what}.`));
  if (bytes.length < SIGNATURE_LENGTH) throw fail('ticket-invalid', `A ticket has ${bytes.length} bytes.`);
  const version = reader.u8();
  const length = TICKET_LENGTHS[version];
  if (length === undefined) throw fail('format-unknown', `A ticket has the unknown version ${version}.`);
  if (bytes.length !== length) throw fail('ticket-invalid', `A ticket has ${bytes.length} bytes.`);
  const ticket: Ticket = {
    keyId: reader.bytes(KEY_ID_LENGTH).toString('hex'),
    jti: uuidText(reader.bytes(16)),
    issued: reader.u64(),
    expires: reader.u64(),
    longestDuration: reader.u64(),
    jobId: uuidText(reader.bytes(16)),
    runId: uuidText(reader.bytes(16)),
    sourceKeyHash: Buffer.from(reader.bytes(32)),
    targetKeyHash: Buffer.from(reader.bytes(32)),
    repositoryId: uuidText(reader.bytes(16)),
    ...readDomain(reader),
    mode: readMode(reader.u8()),
    rights: readRights(reader.u8()),
  };
  const byteQuota = reader.u64();
  checkCopy(ticket.rights, version >= 3);
  return { ...ticket, ...(byteQuota === NO_QUOTA ? {} : { byteQuota }), ...readEnd(reader, version) };
}

function encodeTicket(keyId: Buffer, grant: TicketGrant): Buffer {
  const { lockFor, pointHash } = grant;
  checkCopy(grant.rights, pointHash !== undefined);
  const lock = lockFor === undefined ? [] : [u64(lockFor)];
  const copied = pointHash === undefined ? [] : [pointHash];
  return Buffer.concat([
    u8(1 + lock.length + 2 * copied.length),
    keyId,
    uuidBytes(grant.jti),
    u64(grant.issued),
    u64(grant.expires),
    u64(grant.longestDuration),
    uuidBytes(grant.jobId),
    uuidBytes(grant.runId),
    grant.sourceKeyHash,
    grant.targetKeyHash,
    uuidBytes(grant.repositoryId),
    grant.domainId === undefined ? NO_DOMAIN : uuidBytes(grant.domainId),
    u8(MODES.indexOf(grant.mode) + 1),
    u8(RIGHTS.reduce((bits, right, bit) => bits | (grant.rights.includes(right) ? 1 << bit : 0), 0)),
    u64(grant.byteQuota ?? NO_QUOTA),
    ...lock,
    ...copied,
  ]);
}

function ticketKeyId(publicKey: KeyObject): Buffer {
  return publicKeyHash(publicKey).subarray(0, KEY_ID_LENGTH);
}

function readDomain(reader: ByteReader): { domainId?: string } {
  const domainId = reader.bytes(16);
  return domainId.equals(NO_DOMAIN) ? {} : { domainId: uuidText(domainId) };
}

function readEnd(reader: ByteReader, version: number): Pick<Ticket, 'lockFor' | 'pointHash'> {
  const lock = version === 2 || version === 4 ? { lockFor: readLock(reader.u64()) } : {};
  return version < 3 ? lock : { ...lock, pointHash: Buffer.from(reader.bytes(32)) };
}

/** The right to copy is the only one on its ticket, and such a ticket names what is copied. */
function checkCopy(rights: TicketRight[], namesPoint: boolean): void {
  const copies = rights.includes('copy');
  if (copies !== namesPoint || (copies && rights.length > 1)) {
    throw fail('ticket-invalid', 'A ticket names a recovery point for exactly the right to copy, which stands alone.');
  }
}

function readLock(period: number): number {
  if (period === 0) throw fail('ticket-invalid', 'A ticket names a lock of no duration.');
  return period;
}

function readMode(code: number): EncryptionMode {
  const mode = MODES[code - 1];
  if (mode === undefined) throw fail('ticket-invalid', `A ticket names the unknown mode ${code}.`);
  return mode;
}

function readRights(bits: number): TicketRight[] {
  if (bits >= 1 << RIGHTS.length) throw fail('ticket-invalid', `A ticket names unknown rights (${bits}).`);
  return RIGHTS.filter((_, bit) => (bits & (1 << bit)) !== 0);
}

function refuseMisdirected(ticket: Ticket, expect: { sourceKeyHash: Buffer; targetKeyHash: Buffer }): void {
  if (!ticket.sourceKeyHash.equals(expect.sourceKeyHash)) {
    throw fail(
      'ticket-misdirected',
      `Ticket ${ticket.jti} was made for another Transporter than the one that presents it.`,
    );
  }
  if (!ticket.targetKeyHash.equals(expect.targetKeyHash)) {
    throw fail('ticket-misdirected', `Ticket ${ticket.jti} was made for another target than this one.`);
  }
}

function refuseOutOfTime(ticket: Ticket, now: number): void {
  const latest = Math.min(ticket.expires, ticket.issued + TICKET_START_WINDOW);
  if (now < ticket.issued - CLOCK_SKEW || now > latest) {
    const at = new Date(now).toISOString();
    throw fail(
      'ticket-expired',
      `Ticket ${ticket.jti} was to be used before ${new Date(latest).toISOString()}; it is ${at}.`,
    );
  }
}
