import type { RunRecord } from '@sealift/crypto';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { MAX_MANIFEST, MAX_REFERENCE_IDS, MAX_RUNS } from './messages.ts';
import { RUN_RECORD_LENGTH, readRun, writeRun } from './run-record.ts';

export interface ReferencesEnd {
  /** Ids in all REFERENCES messages together. */
  count: number;
  /** SHA-256 over all these ids in the order sent. */
  hash: Buffer;
}

/** Answer to REFERENCES_END. */
export interface Runs {
  /** Every run under which a referenced chunk is sealed; empty in in-flight mode. */
  runs: RunRecord[];
  /** Referenced ids that the repository does not hold; a point with missing chunks is not committed. */
  missing: number;
}

export interface Committed {
  pointId: string;
  /** SHA-256 of the manifest file. */
  hash: Buffer;
  /** The target's clock, ms since 1970. */
  receivedAt: number;
}

/** Ids of chunks that the recovery point uses, 32 bytes each, in any number of messages. */
export function encodeReferences(ids: Buffer): Buffer[] {
  return [ids];
}

export function decodeReferences(payload: Buffer): Buffer {
  return new ByteReader('REFERENCES', payload).ids(1, MAX_REFERENCE_IDS);
}

/** u64 count, hash 32. */
export function encodeReferencesEnd(end: ReferencesEnd): Buffer[] {
  return new ByteWriter().u64(end.count).bytes(end.hash).done();
}

export function decodeReferencesEnd(payload: Buffer): ReferencesEnd {
  const reader = new ByteReader('REFERENCES_END', payload);
  const end = { count: reader.u64(), hash: reader.bytes(32) };
  reader.end();
  return end;
}

/** u64 missing, then a run record of 68 bytes for each run. */
export function encodeRuns(runs: Runs): Buffer[] {
  const writer = new ByteWriter().u64(runs.missing);
  for (const run of runs.runs) writeRun(writer, run);
  return writer.done();
}

export function decodeRuns(payload: Buffer): Runs {
  const reader = new ByteReader('RUNS', payload);
  const missing = reader.u64();
  if (reader.left > MAX_RUNS * RUN_RECORD_LENGTH) reader.violated(`more than ${MAX_RUNS} runs`);
  const runs: RunRecord[] = [];
  while (reader.left > 0) runs.push(readRun(reader));
  return { runs, missing };
}

/** The bytes of the recovery point's manifest file. */
export function encodeCommit(manifest: Buffer): Buffer[] {
  return [manifest];
}

export function decodeCommit(payload: Buffer): Buffer {
  return readManifest('COMMIT', payload);
}

/** Point id 16, hash 32, u64 received at. */
export function encodeCommitted(committed: Committed): Buffer[] {
  return new ByteWriter().uuid(committed.pointId).bytes(committed.hash).u64(committed.receivedAt).done();
}

export function decodeCommitted(payload: Buffer): Committed {
  const reader = new ByteReader('COMMITTED', payload);
  const committed = { pointId: reader.uuid(), hash: reader.bytes(32), receivedAt: reader.u64() };
  reader.end();
  return committed;
}

export function readManifest(message: string, payload: Buffer): Buffer {
  const reader = new ByteReader(message, payload);
  if (reader.left === 0) reader.violated('the manifest is empty');
  return reader.rest(MAX_MANIFEST);
}
