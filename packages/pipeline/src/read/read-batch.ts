import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CHUNK_TYPE, encodeBundle } from '@sealift/crypto';
import { VERDICT } from '../dedup/dedup.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { ChunkMaker } from './chunk-maker.ts';
import { problemOf } from './problems.ts';
import type { BatchResult, BatchWork } from './thread-messages.ts';

type FileResult = BatchResult['files'][number];

/**
 * Reads small files whole and gives each content its own id; those that the target lacks are packed into one bundle,
 * compressed and sealed once. One system call more or less matters here: a tree has many small files.
 */
export async function readBatch(work: BatchWork, chunks: ChunkMaker): Promise<BatchResult> {
  const contents = new Map<number, Buffer>();
  const files = work.files.map(({ path, size }, i): FileResult => {
    const start = performance.now();
    const read = readWhole(asBuffer(path), size);
    const between = performance.now();
    chunks.clock.add('read', between - start);
    if (!Buffer.isBuffer(read)) return read;
    if (read.length === 0) return { state: 'empty' };
    contents.set(i, read);
    const member = ownBuffer(chunks.id(CHUNK_TYPE.data, read));
    chunks.clock.add('hash', performance.now() - between);
    const changed = read.length !== size;
    return { state: 'read', member, length: read.length, ...(changed ? { problem: CHANGED } : {}) };
  });
  chunks.countRead([...contents.values()].reduce((sum, { length }) => sum + length, 0));
  await bundleMissing(files, contents, chunks);
  return { files };
}

const CHANGED = { code: 'changed', message: 'its size changed while it was read' } as const;

async function bundleMissing(files: FileResult[], contents: Map<number, Buffer>, chunks: ChunkMaker): Promise<void> {
  const read = files.flatMap((file, i) =>
    file.state === 'read' ? [{ id: asBuffer(file.member), contents: contents.get(i) as Buffer }] : [],
  );
  if (read.length === 0) return;
  const verdicts = await chunks.askMembers(Buffer.concat(read.map(({ id }) => id)));
  const missing = read.filter((_, i) => verdicts[i] === VERDICT.send);
  if (missing.length > 0) await chunks.sendBundle(encodeBundle(missing), Buffer.concat(missing.map(({ id }) => id)));
}

/** The whole content of a small file; a state instead, if it cannot be read or had better be read as a sparse file. */
function readWhole(path: Buffer, expectedSize: number): Buffer | FileResult {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size, blocks, mode } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) return { state: 'failed', problem: REPLACED };
    if (blocks * 512 < size && size > SPARSE_WORTHWHILE) return { state: 'sparse' };
    // One byte more than expected shows a file that grew; it is kept up to the size it was found with.
    const buffer = Buffer.allocUnsafeSlow(expectedSize + 1);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < buffer.length; filled += count) {
      count = readSync(descriptor, buffer, filled, buffer.length - filled, null);
    }
    return buffer.subarray(0, Math.min(filled, expectedSize));
  } catch (thrown) {
    const problem = problemOf(thrown);
    if (problem === undefined) throw thrown;
    return { state: 'failed', problem };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const REPLACED = { code: 'changed', message: 'it was replaced by something that is not a file' } as const;
/** Smaller files have no room for a hole that matters. */
const SPARSE_WORTHWHILE = 4096;
