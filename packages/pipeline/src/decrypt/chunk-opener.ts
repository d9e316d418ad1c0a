import type { KeyObject } from 'node:crypto';
import { toFailure } from '@sealift/core';
import { type ChunkType, openChunk, openInner, type RunKey } from '@sealift/crypto';
import { fail } from '../failures.ts';
import type { StoredChunk } from '../transfer/point-source.ts';

/** What opens the chunks of a recovery point. Can be structured-cloned to a worker. */
export interface OpeningKeys {
  idKey: KeyObject;
  /** Source-side mode: the key of every run in the point's table. In-flight mode: none, chunks are plain. */
  runs?: RunKey[];
  /** A look into a source-side point, instead of `runs`: keys of single chunks by their id in hex, as they were given. */
  chunks?: Map<string, Buffer>;
}

/**
 * Opens stored chunks: decrypts, decompresses, and recomputes the id. Whatever is wrong with one is damage of that chunk
 * (kind corrupt): a target that alters a version or a run in its header must not stop the restore of all others.
 */
export type ChunkOpener = (chunk: StoredChunk, type: ChunkType, id: Buffer) => Buffer;

export function chunkOpener(keys: OpeningKeys): ChunkOpener {
  const { idKey, runs, chunks } = keys;
  if (chunks !== undefined) {
    return (chunk, type, id) =>
      confined(id, () => openChunk(checked(chunk, type, id).body, { type, id, idKey, chunkKey: keyIn(chunks, id) }));
  }
  if (runs === undefined) {
    return (chunk, type, id) => confined(id, () => openInner(checked(chunk, type, id).body, { type, id, idKey }));
  }
  const bySalt = new Map(runs.map((run) => [Buffer.from(run.runSalt).toString('hex'), run]));
  const runKey = (runSalt: Buffer) => bySalt.get(runSalt.toString('hex'));
  return (chunk, type, id) => confined(id, () => openChunk(checked(chunk, type, id).body, { type, id, idKey, runKey }));
}

function keyIn(chunks: Map<string, Buffer>, id: Buffer): Buffer {
  const key = chunks.get(id.toString('hex'));
  if (key === undefined) throw fail('keys-missing', `There is no key for chunk ${id.toString('hex', 0, 8)}.`);
  return key;
}

function confined(id: Buffer, open: () => Buffer): Buffer {
  try {
    return open();
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'refused') throw failure;
    throw fail('chunk-unreadable', `Chunk ${id.toString('hex', 0, 8)} cannot be read: ${failure.message}`, {
      cause: failure,
    });
  }
}

function checked(chunk: StoredChunk, type: ChunkType, id: Buffer): StoredChunk {
  if (chunk.type === type) return chunk;
  throw fail('tree-damaged', `Chunk ${id.toString('hex', 0, 8)} has type ${chunk.type} where ${type} is wanted.`);
}
