import { constants } from 'node:os';
import type { EntryKind, SourceState } from '../entry.ts';
import { deviceNumber } from './device-number.ts';
import { kindOfMode } from './kind-of-mode.ts';
import { AT_FDCWD, checked, cPath, lastErrno, libcFunction, systemError } from './libc.ts';
import { filesystemOf, PRINT_BYTES } from './print.ts';

/** What statx(2) tells about a name or an open file. */
export interface FileStatus extends SourceState {
  kind: EntryKind;
  /** Permission bits, 07777. */
  mode: number;
  uid: number;
  gid: number;
  links: number;
  /** Units of 512 bytes. */
  blocks: number;
  /** Major and minor number of the device that the node stands for. */
  node: [number, number];
  /** Major and minor number of the filesystem, as one number. */
  filesystem: number;
}

const statx = libcFunction<[number, Buffer, number, number, Buffer]>(
  'int statx(int dirfd, const void *path, int flags, uint32 mask, void *result)',
);
const readlinkat = libcFunction<[number, Buffer, Buffer, number]>(
  'int64 readlinkat(int dirfd, const void *path, void *target, size_t size)',
);

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const BASIC_STATS = 0x7ff;
const LONGEST_TARGET = 4096;

/** struct statx is the same on every architecture; the views save a call per field. */
const result = Buffer.from(new ArrayBuffer(256 + PRINT_BYTES));
const bytes = new Uint8Array(result.buffer);
const u16 = new Uint16Array(result.buffer);
const u32 = new Uint32Array(result.buffer);
const u64 = new BigUint64Array(result.buffer);
const i64 = new BigInt64Array(result.buffer);
const linkTarget = Buffer.alloc(LONGEST_TARGET);

/** Status of a name within an open directory, links not followed. */
export function statAt(directory: number, name: Buffer): FileStatus {
  checked(statNoFollow(directory, name), 'statx', name);
  return decode();
}

/** Like `statAt`, undefined when there is nothing of that name. */
export function findAt(directory: number, name: Buffer): FileStatus | undefined {
  if (statNoFollow(directory, name) === 0) return decode();
  const errno = lastErrno();
  if (errno === constants.errno.ENOENT) return undefined;
  throw systemError(errno, 'statx', name);
}

function statNoFollow(directory: number, name: Buffer): number {
  return statx(directory, cPath(name), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, BASIC_STATS, result);
}

/** Status of a path, links not followed in its last component. */
export function statPath(path: Buffer): FileStatus {
  return statAt(AT_FDCWD, path);
}

/** What one look at a name shows, without decoding all of it; the next look overwrites it. */
export interface Look {
  /** See `printOf`. */
  readonly print: Buffer;
  links: number;
  directory: boolean;
  /** Major and minor number of the filesystem, as one number. */
  filesystem: number;
}

/** Behind the 256 bytes that the kernel fills. */
const PRINT_AT = 256;
const seen: Look = {
  print: result.subarray(PRINT_AT, PRINT_AT + PRINT_BYTES),
  links: 0,
  directory: false,
  filesystem: 0,
};

/** Looks at a name within an open directory, links not followed; undefined when there is nothing to be seen. */
export function lookAt(directory: number, name: Buffer): Look | undefined {
  if (statNoFollow(directory, name) !== 0) return undefined;
  bytes.copyWithin(PRINT_AT, 32, 48);
  bytes.copyWithin(PRINT_AT + 16, 112, 120);
  bytes.copyWithin(PRINT_AT + 24, 96, 104);
  bytes.copyWithin(PRINT_AT + 32, 120, 124);
  bytes.copyWithin(PRINT_AT + 36, 104, 108);
  seen.links = at32(4);
  seen.directory = (u16[14] as number) >> 12 === 4;
  seen.filesystem = filesystemOf(at32(34), at32(35));
  return seen;
}

/** Status of an open file. */
export function statOf(fd: number): FileStatus {
  checked(statx(fd, cPath(Buffer.alloc(0)), AT_EMPTY_PATH, BASIC_STATS, result), 'statx');
  return decode();
}

/** Target of a link within an open directory. */
export function readLinkAt(directory: number, name: Buffer): Buffer {
  const length = checked(readlinkat(directory, cPath(name), linkTarget, LONGEST_TARGET), 'readlinkat', name);
  return Buffer.from(linkTarget.subarray(0, length));
}

let lastMajor = -1;
let lastMinor = -1;
let lastDevice = 0n;

function deviceOf(major: number, minor: number): bigint {
  if (major !== lastMajor || minor !== lastMinor) {
    lastDevice = deviceNumber(BigInt(major), BigInt(minor));
    lastMajor = major;
    lastMinor = minor;
  }
  return lastDevice;
}

function at32(index: number): number {
  return u32[index] as number;
}

function nanoseconds(index: number): bigint {
  return (i64[index] as bigint) * 1_000_000_000n + BigInt(at32(index * 2 + 2));
}

/** Offsets from linux/stat.h, divided by the width of the view. */
function decode(): FileStatus {
  const mode = u16[14] as number;
  return {
    kind: kindOfMode(mode) ?? 'character',
    mode: mode & 0o7777,
    links: at32(4),
    uid: at32(5),
    gid: at32(6),
    inode: u64[4] as bigint,
    size: Number(u64[5] as bigint),
    blocks: Number(u64[6] as bigint),
    ctimeNs: nanoseconds(12),
    mtimeNs: nanoseconds(14),
    node: [at32(32), at32(33)],
    device: deviceOf(at32(34), at32(35)),
    filesystem: filesystemOf(at32(34), at32(35)),
  };
}
