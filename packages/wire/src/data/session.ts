import type { FailureRecord } from '@sealift/core';
import type { RunRecord } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readFailure, writeFailure } from './failure-record.ts';
import { DATA_PROTOCOL } from './messages.ts';
import { readRun, writeRun } from './run-record.ts';

/** First message of the dialling side: what this link is for. Ids are lower-case UUIDs. */
export interface Open {
  purpose: 'backup' | 'restore' | 'copy';
  /** Of a copy: the UUID of the recovery point. */
  runId: string;
  repositoryId: string;
  jobId: string;
  /** Source-side mode, of a backup or copy: the run under which the chunks are sealed. */
  run?: RunRecord;
  /** Copy in in-flight mode: the repository that the point was made in, whose id is its dedup zone. */
  zone?: { id: string /** Keys the ids of its chunks, 32 bytes. */; dedupSecret: Buffer };
}

/** Answer of the target to OPEN. */
export interface Opened {
  repositoryId: string;
  /** Dedup zone of this session, 16 bytes. */
  zone: Buffer;
  /** In-flight mode: the secret from which the ids of this repository's chunks are keyed, 32 bytes. */
  chunkSecret?: Buffer;
  /** Bytes of chunk bodies that may be on their way without ACK. */
  window: number;
  /** SHA-256 of the recovery point of this very run, when it was committed before. */
  committed?: Buffer;
  /** The newest recovery point of the same job: SHA-256 of its manifest file, and its number. */
  previous?: { hash: Buffer; sequence: number };
}

const PURPOSES: readonly Open['purpose'][] = ['backup', 'restore', 'copy'];
const RUN_FOLLOWS = 1;
const ZONE_FOLLOWS = 2;
const CHUNK_SECRET = 1;
const COMMITTED = 2;
const PREVIOUS = 4;

/**
 * u16 protocol, u8 purpose, run id 16, repository id 16, job id 16, u8 what follows: 0 nothing, 1 a run record, 2 the id of a
 * zone 16 and its dedup secret 32.
 */
export function encodeOpen(open: Open): Buffer[] {
  const writer = new ByteWriter().u16(DATA_PROTOCOL).u8(PURPOSES.indexOf(open.purpose));
  writer.uuid(open.runId).uuid(open.repositoryId).uuid(open.jobId);
  if (open.run !== undefined) return writeRun(writer.u8(RUN_FOLLOWS), open.run).done();
  if (open.zone === undefined) return writer.u8(0).done();
  return writer.u8(ZONE_FOLLOWS).uuid(open.zone.id).bytes(open.zone.dedupSecret).done();
}

export function decodeOpen(payload: Buffer): Open {
  const reader = new ByteReader('OPEN', payload);
  const protocol = reader.u16();
  if (protocol !== DATA_PROTOCOL) {
    throw fail('version-mismatch', `The peer speaks data protocol ${protocol}, this side ${DATA_PROTOCOL}.`);
  }
  const purpose = PURPOSES[reader.u8()] ?? reader.violated('the purpose is unknown');
  const open: Open = { purpose, runId: reader.uuid(), repositoryId: reader.uuid(), jobId: reader.uuid() };
  const follows = reader.u8();
  if (follows > ZONE_FOLLOWS) reader.violated('what follows is unknown');
  if (follows === RUN_FOLLOWS) open.run = readRun(reader);
  if (follows === ZONE_FOLLOWS) open.zone = { id: reader.uuid(), dedupSecret: reader.bytes(32) };
  reader.end();
  return open;
}

/** Repository id 16, zone 16, u32 window, u8 flags (1 secret, 2 committed, 4 previous), then these: 32, 32, 32 + u64. */
export function encodeOpened(opened: Opened): Buffer[] {
  const { chunkSecret, committed, previous } = opened;
  const flags = (chunkSecret ? CHUNK_SECRET : 0) | (committed ? COMMITTED : 0) | (previous ? PREVIOUS : 0);
  const writer = new ByteWriter().uuid(opened.repositoryId).bytes(opened.zone).u32(opened.window).u8(flags);
  if (chunkSecret !== undefined) writer.bytes(chunkSecret);
  if (committed !== undefined) writer.bytes(committed);
  if (previous !== undefined) writer.bytes(previous.hash).u64(previous.sequence);
  return writer.done();
}

export function decodeOpened(payload: Buffer): Opened {
  const reader = new ByteReader('OPENED', payload);
  const opened: Opened = { repositoryId: reader.uuid(), zone: reader.bytes(16), window: reader.u32() };
  if (opened.window === 0) reader.violated('the window is zero');
  const flags = reader.u8();
  if (flags > (CHUNK_SECRET | COMMITTED | PREVIOUS)) reader.violated('a flag is unknown');
  if (flags & CHUNK_SECRET) opened.chunkSecret = reader.bytes(32);
  if (flags & COMMITTED) opened.committed = reader.bytes(32);
  if (flags & PREVIOUS) opened.previous = { hash: reader.bytes(32), sequence: reader.u64() };
  reader.end();
  return opened;
}

/** Either side, at any time: why it goes no further. The link ends after it. */
export function encodeRefused(failure: FailureRecord): Buffer[] {
  return writeFailure(new ByteWriter(), failure).done();
}

export function decodeRefused(payload: Buffer): FailureRecord {
  const reader = new ByteReader('REFUSED', payload);
  const failure = readFailure(reader);
  reader.end();
  return failure;
}
