import { constants } from 'node:os';
import { checked, lastErrno, libcFunction, systemError } from './libc.ts';

const lseek = libcFunction<[number, number, number]>('int64 lseek(int fd, int64 offset, int whence)');
const fallocate = libcFunction<[number, number, number, number]>(
  'int fallocate(int fd, int mode, int64 offset, int64 length)',
);

const SEEK_END = 2;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;

/** Size by seeking to the end; fstat says 0 for a block device. */
export function sizeBySeeking(fd: number): number {
  return checked(lseek(fd, 0, SEEK_END), 'lseek');
}

/** Where data begins at or after `offset`; undefined: nowhere; `unsupported`: the file knows no holes. */
export function seekData(fd: number, offset: number): number | undefined | 'unsupported' {
  const found = lseek(fd, offset, SEEK_DATA);
  if (found >= 0) return found;
  const errno = lastErrno();
  if (errno === constants.errno.ENXIO) return undefined;
  if (errno === constants.errno.EINVAL || errno === constants.errno.EOPNOTSUPP) return 'unsupported';
  throw systemError(errno, 'lseek');
}

/** Where the next hole (or the end of the file) begins at or after `offset`; undefined: the file ends before it now. */
export function seekHole(fd: number, offset: number): number | undefined {
  const found = lseek(fd, offset, SEEK_HOLE);
  if (found >= 0) return found;
  const errno = lastErrno();
  if (errno === constants.errno.ENXIO) return undefined;
  throw systemError(errno, 'lseek');
}

/** Makes a range of a file or block device read as zeros without writing them; false where that is not supported. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  return fallocate(fd, KEEP_SIZE | PUNCH_HOLE, offset, length) === 0;
}
