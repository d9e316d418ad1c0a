import type { FailureRecord } from '@sealift/core';
import type { ChunkType } from '@sealift/crypto';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readChunkBody, readChunkType } from './chunk.ts';
import { readFailure, writeFailure } from './failure-record.ts';
import { MAX_ASK_IDS } from './messages.ts';

/** "Send me these chunks." `ids` are 32 bytes each, laid end to end. */
export interface Fetch {
  request: number;
  ids: Buffer;
}

/** One chunk of a FETCH; each id is answered once by FETCHED or FETCH_FAILED, in any order. */
export interface Fetched {
  request: number;
  id: Buffer;
  type: ChunkType;
  /** Sealed chunk (source-side) or plain inner (in-flight). */
  body: Buffer;
}

export interface FetchFailed {
  request: number;
  id: Buffer;
  failure: FailureRecord;
}

const FETCHED_HEAD_LENGTH = 37;

/** u32 request, ids. */
export function encodeFetch(fetch: Fetch): Buffer[] {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(fetch.request);
  return [head, fetch.ids];
}

export function decodeFetch(payload: Buffer): Fetch {
  const reader = new ByteReader('FETCH', payload);
  return { request: reader.u32(), ids: reader.ids(1, MAX_ASK_IDS) };
}

/** u32 request, id 32, u8 type, body. The body is not copied. */
export function encodeFetched(fetched: Fetched): Buffer[] {
  const head = Buffer.allocUnsafe(FETCHED_HEAD_LENGTH);
  head.writeUInt32BE(fetched.request);
  head.set(fetched.id, 4);
  head.writeUInt8(fetched.type, 36);
  return [head, fetched.body];
}

/** Views into `payload`. */
export function decodeFetched(payload: Buffer): Fetched {
  const reader = new ByteReader('FETCHED', payload);
  const request = reader.u32();
  const id = reader.bytes(32);
  return { request, id, type: readChunkType(reader), body: readChunkBody(reader) };
}

/** u32 request, id 32, failure record. */
export function encodeFetchFailed(failed: FetchFailed): Buffer[] {
  return writeFailure(new ByteWriter().u32(failed.request).bytes(failed.id), failed.failure).done();
}

export function decodeFetchFailed(payload: Buffer): FetchFailed {
  const reader = new ByteReader('FETCH_FAILED', payload);
  const failed = { request: reader.u32(), id: reader.bytes(32), failure: readFailure(reader) };
  reader.end();
  return failed;
}
