import { AT_FDCWD, checked, cPath, libcFunction } from './libc.ts';

const utimensat = libcFunction<[number, Buffer, Buffer, number]>(
  'int utimensat(int dirfd, const void *path, const void *times, int flags)',
);
const futimens = libcFunction<[number, Buffer]>('int futimens(int fd, const void *times)');

const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_OMIT = 0x3ffffffen;
const SECOND = 1_000_000_000n;
/** struct timespec[2]: access time, then modification time, each as seconds and nanoseconds of 64 bits. */
const times = Buffer.alloc(32);

/** Sets the modification time of a name within an open directory, links not followed; the access time stays. */
export function setMtimeAt(directory: number, name: Buffer, mtimeNs: bigint): void {
  checked(utimensat(directory, cPath(name), timesOf(mtimeNs), AT_SYMLINK_NOFOLLOW), 'utimensat', name);
}

/** Sets the modification time of a path, links not followed; the access time stays. */
export function setMtime(path: Buffer, mtimeNs: bigint): void {
  setMtimeAt(AT_FDCWD, path, mtimeNs);
}

/** Sets the modification time of an open file; the access time stays. */
export function setMtimeOf(fd: number, mtimeNs: bigint): void {
  checked(futimens(fd, timesOf(mtimeNs)), 'futimens');
}

function timesOf(mtimeNs: bigint): Buffer {
  // Nanoseconds count forward from the second below, also before 1970.
  const nanoseconds = ((mtimeNs % SECOND) + SECOND) % SECOND;
  times.writeBigInt64LE(UTIME_OMIT, 8);
  times.writeBigInt64LE((mtimeNs - nanoseconds) / SECOND, 16);
  times.writeBigInt64LE(nanoseconds, 24);
  return times;
}
