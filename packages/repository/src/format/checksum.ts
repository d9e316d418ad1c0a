import { hash, webcrypto } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Below this a trip to the thread pool costs more than it spares the main thread. */
const WORTH_A_THREAD = 128 * 1024;

export function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** SHA-256 that leaves the main thread free while large inputs are hashed. */
export async function sha256InBackground(bytes: Buffer<ArrayBuffer>): Promise<Buffer> {
  if (bytes.length < WORTH_A_THREAD) return sha256(bytes);
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes));
}

/** CRC-32 of zlib over the parts laid end to end. */
export function crcOf(...parts: Buffer[]): number {
  let crc = 0;
  for (const part of parts) crc = crc32(part, crc);
  return crc;
}
