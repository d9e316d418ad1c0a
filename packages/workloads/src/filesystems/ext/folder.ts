import { fail } from '../../failures.ts';
import { isName } from '../names.ts';

export interface FolderEntry {
  name: Buffer;
  inode: number;
}

const HEADER = 8;

/** The names in one block of a folder. Blocks of its hash index look like one name that is not used. */
export function* folderEntries(block: Buffer): Generator<FolderEntry, void, undefined> {
  for (let at = 0; at + HEADER <= block.length; ) {
    const inode = block.readUInt32LE(at);
    const length = recordLength(block.readUInt16LE(at + 4), block.length);
    const nameLength = block.readUInt8(at + 6);
    if (length < HEADER || at + length > block.length || HEADER + nameLength > length) {
      throw fail('filesystem-damaged', 'A folder makes no sense.');
    }
    const name = block.subarray(at + HEADER, at + HEADER + nameLength);
    if (inode !== 0 && isName(name)) yield { name: Buffer.from(name), inode };
    at += length;
  }
}

/** Lengths that do not fit 16 bits are those of whole blocks. */
function recordLength(stored: number, block: number): number {
  if (block >= 65_536 && (stored === 0xffff || stored === 0)) return block;
  return (stored & 0xfffc) | ((stored & 3) << 16);
}
