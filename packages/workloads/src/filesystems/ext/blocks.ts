import { fail } from '../../failures.ts';
import type { DiskSection } from '../disk-section.ts';
import type { Superblock } from './superblock.ts';

/** A block whose newest content lies in the journal. */
export interface JournaledBlock {
  /** Block of the filesystem that holds it. */
  block: number;
  /** Its first four bytes were those of a journal block, and are zeros there. */
  escaped: boolean;
}

/** The blocks of an ext, each as the journal has it if it was not written to its place yet. */
export class Blocks {
  readonly section: DiskSection;
  readonly superblock: Superblock;
  readonly #journaled: Map<number, JournaledBlock>;

  constructor(section: DiskSection, superblock: Superblock, journaled = new Map<number, JournaledBlock>()) {
    this.section = section;
    this.superblock = superblock;
    this.#journaled = journaled;
  }

  get size(): number {
    return this.superblock.blockSize;
  }

  async read(block: number): Promise<Buffer> {
    const { blocks, blockSize } = this.superblock;
    if (block <= 0 || block >= blocks) throw fail('filesystem-damaged', `There is no block ${block}.`);
    const journaled = this.#journaled.get(block);
    if (journaled === undefined) return this.section.read(block * blockSize, blockSize);
    const bytes = Buffer.from(await this.section.read(journaled.block * blockSize, blockSize));
    if (journaled.escaped) JOURNAL_MAGIC.copy(bytes);
    return bytes;
  }

  /** Whether the journal has any of these blocks. */
  journaled(first: number, count: number): boolean {
    if (this.#journaled.size === 0) return false;
    for (let i = 0; i < count; i++) if (this.#journaled.has(first + i)) return true;
    return false;
  }
}

export const JOURNAL_MAGIC = Buffer.from('c03b3998', 'hex');
