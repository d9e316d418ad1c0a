/** A piece of a disk; without data it is zeros. */
export interface DiskPiece {
  /** Bytes. */
  length: number;
  data?: Buffer;
}

/** A disk that an NBD server gives to read. Ranges asked for are within its size. */
export interface ReadableDisk {
  /** What clients name it by. */
  readonly name: string;
  readonly description: string;
  /** Bytes. */
  readonly size: number;
  /** Pieces that cover the range in order, each of at most 1 MiB where it has data. */
  read(offset: number, length: number, signal: AbortSignal): AsyncIterable<DiskPiece>;
  /** Extents from `offset` on, one at least, covering the range or a first part of it. */
  allocation(offset: number, length: number, signal: AbortSignal): Promise<{ length: number; hole: boolean }[]>;
}

/** A range of a disk in one piece, its holes as zeros. */
export async function readWhole(
  disk: ReadableDisk,
  { offset, length }: { offset: number; length: number },
  signal: AbortSignal,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const { data, length: size } of disk.read(offset, length, signal)) parts.push(data ?? Buffer.alloc(size));
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}
