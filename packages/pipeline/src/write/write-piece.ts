import { writeSync } from 'node:fs';
import { toFailure } from '@sealift/core';
import { isZero } from '../chunk/fixed.ts';

/** Zeros of at least a block of the file system are left as a hole. */
const BLOCK = 4096;

/** Writes a piece at its place; in a new disk image, blocks of zeros are left out. @throws Failure */
export function writePiece(fd: number, offset: number, bytes: Buffer, skipZeros: boolean): void {
  for (const [from, to] of skipZeros ? dataRuns(bytes) : [[0, bytes.length] as const]) {
    writeFully(fd, offset + from, bytes.subarray(from, to));
  }
}

function* dataRuns(bytes: Buffer): Generator<readonly [from: number, to: number]> {
  let start = -1;
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const zero = isZero(bytes.subarray(at, at + BLOCK));
    if (zero && start >= 0) {
      yield [start, at];
      start = -1;
    } else if (!zero && start < 0) {
      start = at;
    }
  }
  if (start >= 0) yield [start, bytes.length];
}

function writeFully(fd: number, offset: number, bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  } catch (thrown) {
    throw toFailure(thrown);
  }
}
