import type { Chunker } from './content-defined.ts';

/** Chunks of a disk: 1 MiB, aligned to the disk, so that an unchanged block keeps its id. */
export const DISK_CHUNK = 1024 * 1024;

/** Cuts every `size` bytes; the last chunk of the data may be shorter. */
export function fixedChunker(size: number): Chunker {
  return (bytes, last) => {
    const cuts: number[] = [];
    for (let end = size; end <= bytes.length; end += size) cuts.push(end);
    if (last && bytes.length % size !== 0) cuts.push(bytes.length);
    return cuts;
  };
}

/** True if every byte is zero. Compares the bytes with themselves shifted by one: one memcmp, no zero buffer. */
export function isZero(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  return bytes[0] === 0 && bytes.compare(bytes, 1, bytes.length, 0, bytes.length - 1) === 0;
}
