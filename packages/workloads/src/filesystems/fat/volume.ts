import { fail } from '../../failures.ts';
import type { DiskSection } from '../disk-section.ts';

/** Where things are in a FAT, bytes from its beginning. */
export interface FatLayout {
  bits: 12 | 16 | 32;
  clusterSize: number;
  /** Clusters are counted from 2. */
  clusters: number;
  tableAt: number;
  dataAt: number;
  /** Of FAT12 and FAT16 the root folder lies before the clusters; of FAT32 it begins in a cluster. */
  root: { at: number; length: number } | { cluster: number };
}

/** @returns undefined if it is none */
export function readLayout(boot: Buffer): FatLayout | undefined {
  const sector = boot.readUInt16LE(11);
  const perCluster = boot.readUInt8(13);
  const [reserved, tables, rootEntries] = [boot.readUInt16LE(14), boot.readUInt8(16), boot.readUInt16LE(17)];
  const jumps = boot.readUInt8(0) === 0xeb || boot.readUInt8(0) === 0xe9;
  const sized = [512, 1024, 2048, 4096].includes(sector) && perCluster > 0 && (perCluster & (perCluster - 1)) === 0;
  if (!jumps || !sized || boot.readUInt16LE(510) !== 0xaa55 || reserved === 0 || tables === 0 || tables > 2) {
    return undefined;
  }
  const sectors = boot.readUInt16LE(19) || boot.readUInt32LE(32);
  const perTable = boot.readUInt16LE(22) || boot.readUInt32LE(36);
  const rootAt = reserved + tables * perTable;
  const dataAt = rootAt + Math.ceil((rootEntries * 32) / sector);
  const clusters = Math.floor((sectors - dataAt) / perCluster);
  if (perTable === 0 || clusters < 1) return undefined;
  const small = clusters < 4085 ? 12 : 16;
  const bits = clusters < 65_525 ? small : 32;
  const root = bits === 32 ? { cluster: boot.readUInt32LE(44) } : { at: rootAt * sector, length: rootEntries * 32 };
  return {
    bits,
    clusterSize: sector * perCluster,
    clusters,
    tableAt: reserved * sector,
    dataAt: dataAt * sector,
    root,
  };
}

/** Part of the table that is read at once, bytes: a multiple of what an entry may take. */
const TABLE_PART = 12 * 1024;

/** The clusters of a FAT and what follows which. */
export class FatVolume {
  readonly section: DiskSection;
  readonly layout: FatLayout;
  #part: { at: number; bytes: Buffer } | undefined;

  constructor(section: DiskSection, layout: FatLayout) {
    this.section = section;
    this.layout = layout;
  }

  /** Where the clusters of a chain lie, in order. @throws Failure `filesystem-damaged` for one that leads nowhere, or around */
  async *chain(first: number): AsyncGenerator<number, void, undefined> {
    const { clusters, dataAt, clusterSize, bits } = this.layout;
    const end = bits === 32 ? 0x0fff_fff8 : (1 << bits) - 8;
    let cluster = first;
    for (let count = 0; cluster < end; count++) {
      if (cluster < 2 || cluster >= clusters + 2 || count >= clusters) {
        throw fail('filesystem-damaged', 'A chain of clusters makes no sense.');
      }
      yield dataAt + (cluster - 2) * clusterSize;
      cluster = await this.#next(cluster);
    }
  }

  async #next(cluster: number): Promise<number> {
    const { bits } = this.layout;
    if (bits === 32) return (await this.#table(cluster * 4, 4)).readUInt32LE(0) & 0x0fff_ffff;
    if (bits === 16) return (await this.#table(cluster * 2, 2)).readUInt16LE(0);
    const both = (await this.#table(cluster + (cluster >> 1), 2)).readUInt16LE(0);
    return cluster % 2 === 0 ? both & 0xfff : both >> 4;
  }

  async #table(at: number, length: number): Promise<Buffer> {
    const from = at - (at % TABLE_PART);
    if (this.#part?.at !== from) {
      const place = this.layout.tableAt + from;
      // One byte more: an entry of 12 bits may begin with the last one.
      const size = Math.min(TABLE_PART + 1, this.section.size - place);
      this.#part = { at: from, bytes: await this.section.read(place, size) };
    }
    const { bytes } = this.#part;
    if (at - from + length > bytes.length) throw fail('filesystem-damaged', 'The table of clusters is cut off.');
    return bytes.subarray(at - from, at - from + length);
  }
}
