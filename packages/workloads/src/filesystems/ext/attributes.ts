import type { Blocks } from './blocks.ts';
import type { Inode } from './inode.ts';

const MAGIC = 0xea02_0000;
const BLOCK_HEADER = 32;
const MOST = 1000;
const PREFIXES: Record<number, string> = {
  1: 'user.',
  2: 'system.posix_acl_access',
  3: 'system.posix_acl_default',
  4: 'trusted.',
  6: 'security.',
  7: 'system.',
};

export type Attribute = [name: Buffer, value: Buffer];

/** Extended attributes of a file, those whose values lie in inodes of their own left out. */
export async function attributesOf(blocks: Blocks, { tail, attributes }: Inode): Promise<Attribute[]> {
  const found: Attribute[] = [];
  if (tail.length > 4 && tail.readUInt32LE(0) === MAGIC) found.push(...decode(tail.subarray(4), 0));
  if (attributes !== 0) {
    const block = await blocks.read(attributes);
    if (block.readUInt32LE(0) === MAGIC) found.push(...decode(block, BLOCK_HEADER));
  }
  return found.sort(([a], [b]) => a.compare(b));
}

/** @param area what the places of values are counted from */
function decode(area: Buffer, first: number): Attribute[] {
  const found: Attribute[] = [];
  for (let at = first; at + 16 <= area.length && area.readUInt32LE(at) !== 0 && found.length < MOST; ) {
    const nameLength = area.readUInt8(at);
    const [place, size] = [area.readUInt16LE(at + 2), area.readUInt32LE(at + 8)];
    const prefix = PREFIXES[area.readUInt8(at + 1)];
    const name = area.subarray(at + 16, at + 16 + nameLength);
    if (prefix !== undefined && area.readUInt32LE(at + 4) === 0 && place + size <= area.length) {
      found.push([Buffer.concat([Buffer.from(prefix), name]), area.subarray(place, place + size)]);
    }
    at += (16 + nameLength + 3) & ~3;
  }
  return found;
}

/** Of an access control list, the form that Linux gives to programs. */
export function fromDisk([name, value]: Attribute): Attribute | undefined {
  if (!name.toString('latin1').startsWith('system.posix_acl_')) return [name, value];
  const entries: Buffer[] = [Buffer.of(2, 0, 0, 0)];
  for (let at = 4; at < value.length; ) {
    const named = [2, 8].includes(value.readUInt8(at));
    if (at + (named ? 8 : 4) > value.length) return undefined;
    const id = named ? value.subarray(at + 4, at + 8) : Buffer.alloc(4, 0xff);
    entries.push(value.subarray(at, at + 4), id);
    at += named ? 8 : 4;
  }
  return [name, Buffer.concat(entries)];
}
