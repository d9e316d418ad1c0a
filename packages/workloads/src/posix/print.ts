import type { SourceState } from '../entry.ts';

/** Bytes of a print. */
export const PRINT_BYTES = 40;

const print = Buffer.from(new ArrayBuffer(PRINT_BYTES));
const words = new BigUint64Array(print.buffer);
const halves = new Uint32Array(print.buffer);
const SECOND = 1_000_000_000n;

/**
 * Which file it is and in what state, for comparing only: inode, size, and modification and change time to the
 * nanosecond, in the byte order of the machine. Two equal prints of one path mean that neither content nor metadata was
 * touched in between, on a filesystem that keeps change times. The device is left out: it is another one for each
 * snapshot of a volume, and after some restarts.
 */
export function printOf({ inode, size, mtimeNs, ctimeNs }: SourceState): Buffer {
  words[0] = inode;
  words[1] = BigInt(size);
  // Nanoseconds count forward from the second below, also before 1970.
  const mtimeRest = ((mtimeNs % SECOND) + SECOND) % SECOND;
  const ctimeRest = ((ctimeNs % SECOND) + SECOND) % SECOND;
  words[2] = BigInt.asUintN(64, (mtimeNs - mtimeRest) / SECOND);
  words[3] = BigInt.asUintN(64, (ctimeNs - ctimeRest) / SECOND);
  halves[8] = Number(mtimeRest);
  halves[9] = Number(ctimeRest);
  return Buffer.from(print);
}

/** Major and minor number as one; both fit 32 bits in the kernel's interface and 12 and 20 in the kernel. */
export function filesystemOf(major: number, minor: number): number {
  return major * 0x1_0000_0000 + minor;
}
