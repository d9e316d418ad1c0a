/** Smaller buffers may lie in the pool that Node shares among many, and cost little anyway. */
const WORTH_RELEASING = 128 * 1024;

/**
 * Gives the memory behind a large buffer back now instead of whenever the garbage is collected: bulk data passes
 * through so fast that uncollected buffers would outweigh all that is in use. Every view of the same memory is empty
 * afterwards, so the caller must be its only owner, and nothing may still be reading it.
 */
export function releaseMemory(buffer: Uint8Array): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength >= WORTH_RELEASING) memory.transfer(0);
}
