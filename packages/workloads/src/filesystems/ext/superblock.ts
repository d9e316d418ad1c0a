import { fail } from '../../failures.ts';

/** What is needed of the superblock of an ext2, ext3 or ext4. */
export interface Superblock {
  type: 'ext2' | 'ext3' | 'ext4';
  blockSize: number;
  blocks: number;
  inodes: number;
  firstDataBlock: number;
  blocksPerGroup: number;
  inodesPerGroup: number;
  inodeSize: number;
  descriptorSize: number;
  /** First group of blocks whose descriptors lie with themselves, where they do (META_BG). */
  firstMetaGroup: number | undefined;
  hasBackup: (group: number) => boolean;
  /** Inode of a journal that has to be read for what was not written to its place yet. */
  journal: number | undefined;
}

const INCOMPATIBLE = { recover: 0x4, metaGroups: 0x10, extents: 0x40, is64Bit: 0x80, flexibleGroups: 0x200 };
/** Compression, a journal by itself, and data of folder entries are not read here; what is newer is not known. */
const READABLE = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const HAS_JOURNAL = 0x4;
const SPARSE_BACKUPS = 0x1;
const TWO_BACKUPS = 0x200;

/** @returns undefined if it is none. @throws Failure `filesystem-damaged`, `filesystem-unreadable` */
export function readSuperblock(bytes: Buffer): Superblock | undefined {
  if (bytes.readUInt16LE(56) !== 0xef53) return undefined;
  const incompatible = bytes.readUInt32LE(96);
  if ((incompatible & ~READABLE) !== 0) {
    throw fail('filesystem-unreadable', `It is an ext with features (0x${incompatible.toString(16)}) unknown here.`);
  }
  const has = (feature: number) => (incompatible & feature) !== 0;
  const journaled = (bytes.readUInt32LE(92) & HAS_JOURNAL) !== 0;
  const old = journaled ? 'ext3' : 'ext2';
  const superblock: Superblock = {
    type: has(INCOMPATIBLE.extents | INCOMPATIBLE.is64Bit | INCOMPATIBLE.flexibleGroups) ? 'ext4' : old,
    blockSize: 1024 << Math.min(16, bytes.readUInt32LE(24)),
    blocks: bytes.readUInt32LE(4) + (has(INCOMPATIBLE.is64Bit) ? bytes.readUInt32LE(336) * 2 ** 32 : 0),
    inodes: bytes.readUInt32LE(0),
    firstDataBlock: bytes.readUInt32LE(20),
    blocksPerGroup: bytes.readUInt32LE(32),
    inodesPerGroup: bytes.readUInt32LE(40),
    inodeSize: bytes.readUInt32LE(76) === 0 ? 128 : bytes.readUInt16LE(88),
    descriptorSize: has(INCOMPATIBLE.is64Bit) ? bytes.readUInt16LE(254) : 32,
    firstMetaGroup: has(INCOMPATIBLE.metaGroups) ? bytes.readUInt32LE(260) : undefined,
    hasBackup: backups(bytes),
    journal: journaled && has(INCOMPATIBLE.recover) ? bytes.readUInt32LE(224) : undefined,
  };
  check(superblock);
  return superblock;
}

function check({ blockSize, blocksPerGroup, inodesPerGroup, inodeSize, descriptorSize }: Superblock): void {
  const sound =
    blockSize <= 65_536 &&
    blocksPerGroup > 0 &&
    inodesPerGroup > 0 &&
    inodeSize >= 128 &&
    inodeSize <= blockSize &&
    descriptorSize >= 32 &&
    descriptorSize <= 1024 &&
    blockSize % descriptorSize === 0 &&
    blockSize % inodeSize === 0;
  if (!sound) throw fail('filesystem-damaged', 'The superblock of an ext makes no sense.');
}

function backups(bytes: Buffer): (group: number) => boolean {
  if ((bytes.readUInt32LE(92) & TWO_BACKUPS) !== 0) {
    const groups = [0, bytes.readUInt32LE(588), bytes.readUInt32LE(592)];
    return (group) => groups.includes(group);
  }
  if ((bytes.readUInt32LE(100) & SPARSE_BACKUPS) === 0) return () => true;
  return (group) => group <= 1 || [3, 5, 7].some((base) => isPower(group, base));
}

function isPower(of: number, base: number): boolean {
  let power = base;
  while (power < of) power *= base;
  return power === of;
}
