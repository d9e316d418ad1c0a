import { fail } from '../../failures.ts';
import type { DiskSection } from '../disk-section.ts';
import type { InsideFilesystem } from '../filesystem.ts';
import { Blocks } from './blocks.ts';
import { ExtFile, type ExtVolume } from './ext-file.ts';
import { decodeInode, type Inode } from './inode.ts';
import { readJournal } from './journal.ts';
import { readSuperblock } from './superblock.ts';

const SUPERBLOCK_AT = 1024;
const ROOT = 2;

/** ext2, ext3 or ext4, read as if its journal had been replayed. @returns undefined if the section holds none */
export async function openExt(section: DiskSection): Promise<InsideFilesystem | undefined> {
  if (section.size < SUPERBLOCK_AT * 2) return undefined;
  const superblock = readSuperblock(await section.read(SUPERBLOCK_AT, SUPERBLOCK_AT));
  if (superblock === undefined) return undefined;
  const onDisk = volumeOf(new Blocks(section, superblock));
  const { journal } = superblock;
  const volume =
    journal === undefined
      ? onDisk
      : volumeOf(
          new Blocks(section, superblock, await readJournal(onDisk.blocks, await readInode(onDisk.blocks, journal))),
        );
  return { type: superblock.type, root: await volume.open(ROOT) };
}

function volumeOf(blocks: Blocks): ExtVolume {
  const volume: ExtVolume = {
    blocks,
    open: async (number) => ExtFile.open(volume, await readInode(blocks, number)),
  };
  return volume;
}

async function readInode(blocks: Blocks, number: number): Promise<Inode> {
  const { inodes, inodesPerGroup, inodeSize } = blocks.superblock;
  if (number < 1 || number > inodes) throw fail('filesystem-damaged', `There is no inode ${number}.`);
  const group = Math.floor((number - 1) / inodesPerGroup);
  const at = ((number - 1) % inodesPerGroup) * inodeSize;
  const table = await inodeTable(blocks, group);
  const block = await blocks.read(table + Math.floor(at / blocks.size));
  return decodeInode(number, block.subarray(at % blocks.size, (at % blocks.size) + inodeSize));
}

async function inodeTable(blocks: Blocks, group: number): Promise<number> {
  const { descriptorSize } = blocks.superblock;
  const perBlock = blocks.size / descriptorSize;
  const block = await blocks.read(descriptorBlock(blocks, Math.floor(group / perBlock)));
  const at = (group % perBlock) * descriptorSize;
  const high = descriptorSize >= 64 ? block.readUInt32LE(at + 40) : 0;
  return block.readUInt32LE(at + 8) + high * 2 ** 32;
}

function descriptorBlock({ superblock, size }: Blocks, index: number): number {
  const { firstDataBlock, firstMetaGroup, blocksPerGroup, descriptorSize, hasBackup } = superblock;
  // They follow the superblock, which with clusters is not always in the first block that is counted.
  if (index === 0 || firstMetaGroup === undefined || index < firstMetaGroup) return (size === 1024 ? 2 : 1) + index;
  const group = index * (size / descriptorSize);
  return firstDataBlock + group * blocksPerGroup + (hasBackup(group) ? 1 : 0);
}
