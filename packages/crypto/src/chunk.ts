import { type KeyObject, randomFillSync } from 'node:crypto';
import { CHUNK_HEADER_LENGTH, parseChunkHeader, type SealedChunkHeader, writeChunkHeader } from './chunk-header.ts';
import type { ChunkType } from './chunk-type.ts';
import { fail } from './failures.ts';
import { encodeInner, type InnerPart, innerPieces, openInner, parseInner } from './inner.ts';
import { checkRun, type RunKey } from './keys.ts';
import { labelled } from './labels.ts';
import {
  gcmOpenParts,
  gcmSealInto,
  hmacSha512,
  KEY_LENGTH,
  NONCE_LENGTH,
  sameSecret,
  TAG_LENGTH,
} from './primitives.ts';

/** The key is used for one message only, so a constant nonce is safe. */
const NONCE = Buffer.alloc(NONCE_LENGTH);
const CHUNK_LABEL = labelled('chunk');
const RANDOM_LENGTH = 16;

export interface ChunkPart extends InnerPart {
  type: ChunkType;
  /** 32 bytes, from chunkId. */
  id: Buffer;
}

/** What opens a sealed chunk. */
export type ChunkOpeningKey =
  /** The key of the run that sealed it, by the salt in the header. */
  | { runKey: (runSalt: Buffer) => RunKey | undefined }
  /** From `chunkKey`: opens this chunk and no other. */
  | { chunkKey: Buffer };

export type WantedChunk = ChunkOpeningKey & {
  type: ChunkType;
  /** 32 bytes. */
  id: Buffer;
  idKey: KeyObject;
};

/** What the key of one chunk is derived from. */
export interface ChunkKeyInput {
  type: ChunkType;
  /** 32 bytes. */
  id: Buffer;
  /** r in its header, 16 bytes. */
  random: Buffer;
}

/** Bytes of km. */
export const CHUNK_KEY_LENGTH = 2 * KEY_LENGTH;

/** km, 64 bytes: opens the one chunk that was sealed in this run with this type, id and r. */
export function chunkKey({ key }: RunKey, { type, id, random }: ChunkKeyInput): Buffer {
  return hmacSha512(key, CHUNK_LABEL, Buffer.from([type]), id, random);
}

/** Seals one chunk: header and ciphertext in one Buffer that has an ArrayBuffer of its own and may be transferred. */
export function sealChunk(run: RunKey, part: ChunkPart): Buffer {
  return sealChunkWith(run, part, randomFillSync(Buffer.alloc(RANDOM_LENGTH)));
}

/** sealChunk with a given r, which must never repeat under one run key; outside of test vectors it is random. */
export function sealChunkWith(run: RunKey, part: ChunkPart, random: Buffer): Buffer {
  return sealPieces(run, part, innerPieces(part, 'padme'), random);
}

/** Seals an inner that was verified already, e.g. one that arrived over the in-flight layer. Padding is made anew. */
export function sealInner(run: RunKey, chunk: { type: ChunkType; id: Buffer }, inner: Buffer): Buffer {
  const pieces = innerPieces(parseInner(inner), 'padme');
  return sealPieces(run, chunk, pieces, randomFillSync(Buffer.alloc(RANDOM_LENGTH)));
}

function sealPieces(run: RunKey, part: { type: ChunkType; id: Buffer }, pieces: Buffer[], random: Buffer): Buffer {
  const innerLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const sealed = Buffer.allocUnsafeSlow(CHUNK_HEADER_LENGTH + innerLength + TAG_LENGTH);
  const { key, commitment } = messageKey(run.key, part.type, part.id, random);
  writeChunkHeader(sealed, {
    type: part.type,
    domainId: run.domainId,
    epoch: run.epoch,
    ciphertextLength: innerLength + TAG_LENGTH,
    runSalt: run.runSalt,
    random,
    commitment,
  });
  gcmSealInto(sealed, CHUNK_HEADER_LENGTH, { key, nonce: NONCE, aad: associatedData(sealed, part.id) }, pieces);
  key.fill(0);
  return sealed;
}

/**
 * The inner of a sealed chunk, without its padding, in a Buffer of its own: for a target that hands it to a reader, which
 * decompresses it and recomputes the id. Everything else is checked here as by openChunk.
 */
export function unsealChunk(sealed: Buffer, want: KeyedChunk): Buffer {
  return encodeInner({ ...parseInner(decryptChunk(sealed, want)), padding: 'none' });
}

/**
 * The plaintext of a sealed chunk. Checked in this order: type, lengths, run key against its commitment, key
 * commitment, tag, decompression within the declared length, exact length, id.
 */
export function openChunk(sealed: Buffer, want: WantedChunk): Buffer {
  return openInner(decryptChunk(sealed, want), want);
}

type KeyedChunk = ChunkOpeningKey & Pick<WantedChunk, 'type' | 'id'>;

function decryptChunk(sealed: Buffer, want: KeyedChunk): Buffer {
  const header = parseChunkHeader(sealed);
  if (header.type !== want.type) {
    throw fail('chunk-type-mismatch', `${name(want.id)} has type ${header.type} where ${want.type} is wanted.`);
  }
  const { key, commitment } = keyFor(header, want);
  if (!sameSecret(commitment, header.commitment)) {
    throw fail('chunk-damaged', `${name(want.id)} was sealed with another key or under another id.`);
  }
  const tag = sealed.subarray(sealed.length - TAG_LENGTH);
  const ciphertext = sealed.subarray(CHUNK_HEADER_LENGTH, sealed.length - TAG_LENGTH);
  const inner = gcmOpenParts({ key, nonce: NONCE, aad: associatedData(sealed, want.id), tag }, [ciphertext])?.[0];
  key.fill(0);
  if (inner === undefined) throw fail('chunk-damaged', `${name(want.id)} does not decrypt: its bytes were changed.`);
  return inner;
}

function keyFor(header: SealedChunkHeader, want: KeyedChunk) {
  if ('chunkKey' in want) return splitKey(Buffer.from(want.chunkKey));
  return messageKey(runOf(header, want).key, header.type, want.id, header.random);
}

/** Runs whose key was checked against its commitment; one check a run is enough. */
const checkedRuns = new WeakSet<RunKey>();

function runOf(
  header: SealedChunkHeader,
  want: KeyedChunk & { runKey: (runSalt: Buffer) => RunKey | undefined },
): RunKey {
  const run = want.runKey(header.runSalt);
  if (run === undefined) {
    throw fail('run-key-missing', `No key for run ${header.runSalt.toString('hex', 0, 8)} of ${name(want.id)}.`);
  }
  if (!checkedRuns.has(run)) {
    checkRun(run, run);
    checkedRuns.add(run);
  }
  const same =
    Buffer.compare(run.domainId, header.domainId) === 0 &&
    Buffer.compare(run.runSalt, header.runSalt) === 0 &&
    run.epoch === header.epoch;
  if (!same) throw fail('chunk-damaged', `${name(want.id)} names another domain or epoch than its run.`);
  return run;
}

function messageKey(runKey: KeyObject, type: ChunkType, id: Buffer, random: Buffer) {
  return splitKey(hmacSha512(runKey, CHUNK_LABEL, Buffer.from([type]), id, random));
}

function splitKey(material: Buffer) {
  return { key: material.subarray(0, KEY_LENGTH), commitment: material.subarray(KEY_LENGTH) };
}

function associatedData(sealed: Buffer, id: Buffer): Buffer {
  return Buffer.concat([sealed.subarray(0, CHUNK_HEADER_LENGTH), id]);
}

function name(id: Buffer): string {
  return `Chunk ${Buffer.from(id).toString('hex')}`;
}
