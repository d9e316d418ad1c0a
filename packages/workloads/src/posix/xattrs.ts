import { constants } from 'node:os';
import { checked, cPath, lastErrno, libcFunction, systemError } from './libc.ts';

type Path = Buffer;
const llistxattr = libcFunction<[Path, Buffer, number]>('int64 llistxattr(const void *path, void *list, size_t size)');
const lgetxattr = libcFunction<[Path, Buffer, Buffer, number]>(
  'int64 lgetxattr(const void *path, const void *name, void *value, size_t size)',
);
const lsetxattr = libcFunction<[Path, Buffer, Buffer, number, number]>(
  'int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)',
);
const lremovexattr = libcFunction<[Path, Buffer]>('int lremovexattr(const void *path, const void *name)');

/** Linux limits both the list of names and one value to 64 KiB (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const LARGEST = 65_536;
const list = Buffer.alloc(LARGEST);
const value = Buffer.alloc(LARGEST);
const NONE: readonly Buffer[] = [];

/** Whether a path may have extended attributes; true also when it cannot be told. */
export function mayHaveXattrs(path: Buffer): boolean {
  return llistxattr(cPath(path), list, LARGEST) !== 0;
}

/** Names of the extended attributes, links not followed; none where the filesystem has no such thing. */
export function listXattrs(path: Buffer): readonly Buffer[] {
  const length = llistxattr(cPath(path), list, LARGEST);
  if (length === 0) return NONE;
  if (length < 0) {
    const errno = lastErrno();
    if (errno === constants.errno.EOPNOTSUPP || errno === constants.errno.ENOSYS) return NONE;
    throw systemError(errno, 'llistxattr', path);
  }
  const names: Buffer[] = [];
  for (let start = 0; start < length; ) {
    const end = list.indexOf(0, start);
    names.push(Buffer.from(list.subarray(start, end)));
    start = end + 1;
  }
  return names.sort(Buffer.compare);
}

/** The value, or undefined when the attribute is not there (any more). */
export function getXattr(path: Buffer, name: Buffer): Buffer | undefined {
  const length = lgetxattr(cPath(path), terminated(name), value, LARGEST);
  if (length >= 0) return Buffer.from(value.subarray(0, length));
  const errno = lastErrno();
  if (errno === constants.errno.ENODATA || errno === constants.errno.EOPNOTSUPP) return undefined;
  throw systemError(errno, 'lgetxattr', path);
}

export function setXattr(path: Buffer, name: Buffer, bytes: Buffer): void {
  checked(lsetxattr(cPath(path), terminated(name), bytes, bytes.length, 0), 'lsetxattr', path);
}

export function removeXattr(path: Buffer, name: Buffer): void {
  checked(lremovexattr(cPath(path), terminated(name)), 'lremovexattr', path);
}

function terminated(name: Buffer): Buffer {
  if (name.includes(0)) throw systemError(constants.errno.EINVAL, 'xattr name', name);
  return Buffer.concat([name, Buffer.of(0)]);
}
