import { constants, openSync } from 'node:fs';
import { deviceNumber } from './device-number.ts';
import { AT_FDCWD, checked, cPath, cString, libcFunction } from './libc.ts';

const mkdirat = libcFunction<[number, Buffer, number]>('int mkdirat(int dirfd, const void *path, uint32 mode)');
const unlinkat = libcFunction<[number, Buffer, number]>('int unlinkat(int dirfd, const void *path, int flags)');
const renameat = libcFunction<[number, Buffer, number, Buffer]>(
  'int renameat(int fromfd, const void *from, int tofd, const void *to)',
);
const linkat = libcFunction<[number, Buffer, number, Buffer, number]>(
  'int linkat(int fromfd, const void *from, int tofd, const void *to, int flags)',
);
const symlinkat = libcFunction<[Buffer, number, Buffer]>(
  'int symlinkat(const void *target, int dirfd, const void *path)',
);
const mkfifoat = libcFunction<[number, Buffer, number]>('int mkfifoat(int dirfd, const void *path, uint32 mode)');
const mknodat = libcFunction<[number, Buffer, number, bigint]>(
  'int mknodat(int dirfd, const void *path, uint32 mode, uint64 device)',
);
const fchownat = libcFunction<[number, Buffer, number, number, number]>(
  'int fchownat(int dirfd, const void *path, uint32 uid, uint32 gid, int flags)',
);

const AT_SYMLINK_NOFOLLOW = 0x100;
/** A handle to a name without opening what it names (O_PATH); Node has no constant for it. */
export const O_PATH = 0o10000000;

/** A path that names something within an open directory, whatever became of the folders above. */
export function pathAt(directory: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name]);
}

/** Opens a name within an open directory, never through a link. By Node, which closes it with its worker at the latest. */
export function openAt(directory: number, name: Buffer, flags: number, mode = 0): number {
  return openSync(pathAt(directory, name), flags | constants.O_NOFOLLOW, mode);
}

export function makeDirectoryAt(directory: number, name: Buffer, mode: number): void {
  checked(mkdirat(directory, cPath(name), mode), 'mkdirat', name);
}

/** Removes anything but a directory. */
export function unlinkAt(directory: number, name: Buffer): void {
  checked(unlinkat(directory, cPath(name), 0), 'unlinkat', name);
}

/** Renames within one directory, replacing what has the new name. */
export function renameAt(directory: number, from: Buffer, to: Buffer): void {
  checked(renameat(directory, cPath(from), directory, cString(to)), 'renameat', to);
}

/** Gives an inode a second name; a link is linked itself, not followed. */
export function linkAt(fromDirectory: number, from: Buffer, toDirectory: number, to: Buffer): void {
  checked(linkat(fromDirectory, cPath(from), toDirectory, cString(to), 0), 'linkat', to);
}

export function symlinkAt(target: Buffer, directory: number, name: Buffer): void {
  checked(symlinkat(cString(target), directory, cPath(name)), 'symlinkat', name);
}

/** Makes a FIFO at a path. */
export function makeFifo(path: Buffer, mode: number): void {
  makeFifoAt(AT_FDCWD, path, mode);
}

export function makeFifoAt(directory: number, name: Buffer, mode: number): void {
  checked(mkfifoat(directory, cPath(name), mode), 'mkfifoat', name);
}

export function makeDeviceNodeAt(
  directory: number,
  name: Buffer,
  kind: 'character' | 'block',
  [major, minor]: [number, number],
): void {
  const mode = (kind === 'block' ? constants.S_IFBLK : constants.S_IFCHR) | 0o600;
  checked(mknodat(directory, cPath(name), mode, deviceNumber(BigInt(major), BigInt(minor))), 'mknodat', name);
}

/** Changes the owner of a name within an open directory, links not followed. */
export function chownAt(directory: number, name: Buffer, uid: number, gid: number): void {
  checked(fchownat(directory, cPath(name), uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', name);
}
