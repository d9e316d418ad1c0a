import type { DiskSection } from './disk-section.ts';

export interface Partition {
  /** As Linux counts them: `/dev/sda1` is 1. */
  number: number;
  offset: number;
  size: number;
}

const SECTOR_SIZES = [512, 4096];
const MOST_PARTITIONS = 128;
const GPT_PROTECTIVE = 0xee;
const EXTENDED = [0x05, 0x0f, 0x85];

/** The partitions of a disk, empty where it has no table. Those that do not lie on the disk are left out. */
export async function partitionsOf(disk: DiskSection): Promise<Partition[]> {
  if (disk.size < 1024) return [];
  const sector = await disk.read(0, 512);
  if (sector.readUInt16LE(510) !== 0xaa55) return [];
  const primary = primaryEntries(sector);
  const found = primary.some(({ type }) => type === GPT_PROTECTIVE)
    ? await guidPartitions(disk)
    : await masterBootPartitions(disk, primary);
  return found.filter(({ offset, size }) => size > 0 && offset + size <= disk.size);
}

interface BootEntry {
  number: number;
  type: number;
  start: number;
  sectors: number;
}

function primaryEntries(sector: Buffer): BootEntry[] {
  return [0, 1, 2, 3].map((i) => {
    const at = 446 + i * 16;
    return {
      number: i + 1,
      type: sector.readUInt8(at + 4),
      start: sector.readUInt32LE(at + 8),
      sectors: sector.readUInt32LE(at + 12),
    };
  });
}

async function masterBootPartitions(disk: DiskSection, primary: BootEntry[]): Promise<Partition[]> {
  const found: Partition[] = [];
  for (const { number, type, start, sectors } of primary) {
    if (EXTENDED.includes(type)) found.push(...(await logicalPartitions(disk, start)));
    else if (type !== 0) found.push({ number, offset: start * 512, size: sectors * 512 });
  }
  return found;
}

/** The chain of an extended partition: each table names one logical partition and the next table. */
async function logicalPartitions(disk: DiskSection, extended: number): Promise<Partition[]> {
  const found: Partition[] = [];
  for (let table = extended, number = 5; number < MOST_PARTITIONS; number++) {
    if ((table + 1) * 512 > disk.size) break;
    const sector = await disk.read(table * 512, 512);
    if (sector.readUInt16LE(510) !== 0xaa55) break;
    const [logical, next] = primaryEntries(sector) as [BootEntry, BootEntry];
    if (logical.type !== 0) found.push({ number, offset: (table + logical.start) * 512, size: logical.sectors * 512 });
    if (next.type === 0 || next.start === 0) break;
    table = extended + next.start;
  }
  return found;
}

async function guidPartitions(disk: DiskSection): Promise<Partition[]> {
  for (const sector of SECTOR_SIZES) {
    if (sector * 2 > disk.size) continue;
    const header = await disk.read(sector, 512);
    if (header.toString('latin1', 0, 8) !== 'EFI PART') continue;
    const count = Math.min(MOST_PARTITIONS, header.readUInt32LE(80));
    const length = header.readUInt32LE(84);
    if (length < 128 || length > 4096) return [];
    const table = await disk.read(Number(header.readBigUInt64LE(72)) * sector, count * length);
    return Array.from({ length: count }, (_, i) => guidPartition(table.subarray(i * length), i + 1, sector)).filter(
      (partition) => partition !== undefined,
    );
  }
  return [];
}

function guidPartition(entry: Buffer, number: number, sector: number): Partition | undefined {
  if (entry.subarray(0, 16).every((byte) => byte === 0)) return undefined;
  const first = Number(entry.readBigUInt64LE(32));
  const last = Number(entry.readBigUInt64LE(40));
  return { number, offset: first * sector, size: (last - first + 1) * sector };
}
