import type { EntryKind } from '../../entry.ts';
import { kindOfMode } from '../../posix/kind-of-mode.ts';

/** An inode as it is stored. */
export interface Inode {
  number: number;
  kind: EntryKind | undefined;
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  size: number;
  flags: number;
  /** The map of its blocks, or a short content. */
  map: Buffer;
  /** Behind the fixed part: extended attributes. */
  tail: Buffer;
  /** Block of further extended attributes; 0 for none. */
  attributes: number;
}

export const FLAG = { encrypted: 0x800, extents: 0x8_0000, inline: 0x1000_0000 };

const FIXED = 128;

/** @param bytes all that the filesystem keeps for one inode */
export function decodeInode(number: number, bytes: Buffer): Inode {
  const mode = bytes.readUInt16LE(0);
  const extra = bytes.length > FIXED ? Math.min(bytes.readUInt16LE(FIXED), bytes.length - FIXED) : 0;
  const kind = kindOfMode(mode);
  const sized = kind === 'file' || kind === 'directory';
  return {
    number,
    kind,
    mode: mode & 0o7777,
    uid: bytes.readUInt16LE(2) + bytes.readUInt16LE(120) * 65_536,
    gid: bytes.readUInt16LE(24) + bytes.readUInt16LE(122) * 65_536,
    mtimeNs: time(bytes.readInt32LE(16), extra >= 12 ? bytes.readUInt32LE(136) : 0),
    size: bytes.readUInt32LE(4) + (sized ? bytes.readUInt32LE(108) * 2 ** 32 : 0),
    flags: bytes.readUInt32LE(32),
    map: bytes.subarray(40, 100),
    tail: extra > 0 ? bytes.subarray(FIXED + extra) : Buffer.alloc(0),
    attributes: bytes.readUInt32LE(104) + bytes.readUInt16LE(118) * 2 ** 32,
  };
}

/** Seconds with two more bits, and nanoseconds. */
function time(seconds: number, extra: number): bigint {
  return (BigInt(seconds) + (BigInt(extra & 3) << 32n)) * 1_000_000_000n + BigInt(extra >>> 2);
}

/** Major and minor number of a device node. */
export function deviceOf({ map }: Inode): [number, number] {
  const old = map.readUInt32LE(0);
  if (old !== 0) return [(old >> 8) & 0xff, old & 0xff];
  const wide = map.readUInt32LE(4);
  return [(wide >> 8) & 0xfff, (wide & 0xff) | ((wide >>> 12) & 0xfff00)];
}
