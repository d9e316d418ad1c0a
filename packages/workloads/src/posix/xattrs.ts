import { constants } from 'node:os';
import { checked, cPath, cString, lastErrno, libcFunction, systemError } from './libc.ts';

/** A path, links not followed, or an open file. */
export type XattrTarget = Buffer | number;

/** Each call of xattr(7) comes in one form for paths and one for open files. */
function pair<A extends unknown[]>(name: string, result: string, rest: string) {
  const onPath = libcFunction<[Buffer, ...A]>(`${result} l${name}(const void *path, ${rest})`);
  const onFile = libcFunction<[number, ...A]>(`${result} f${name}(int fd, ${rest})`);
  return (target: XattrTarget, ...args: A) =>
    typeof target === 'number' ? onFile(target, ...args) : onPath(cPath(target), ...args);
}

const list = pair<[Buffer, number]>('listxattr', 'int64', 'void *list, size_t size');
const get = pair<[Buffer, Buffer, number]>('getxattr', 'int64', 'const void *name, void *value, size_t size');
const set = pair<[Buffer, Buffer, number, number]>(
  'setxattr',
  'int',
  'const void *name, const void *value, size_t size, int flags',
);
const remove = pair<[Buffer]>('removexattr', 'int', 'const void *name');

/** Linux limits both the list of names and one value to 64 KiB (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const LARGEST = 65_536;
const names = Buffer.alloc(LARGEST);
const value = Buffer.alloc(LARGEST);
const NONE: readonly Buffer[] = [];

/** Whether there may be extended attributes; true also when it cannot be told. */
export function mayHaveXattrs(target: XattrTarget): boolean {
  return list(target, names, LARGEST) !== 0;
}

/** Names of the extended attributes, sorted; none where the filesystem has no such thing. */
export function listXattrs(target: XattrTarget): readonly Buffer[] {
  const length = list(target, names, LARGEST);
  if (length === 0) return NONE;
  if (length < 0) {
    const errno = lastErrno();
    if (errno === constants.errno.EOPNOTSUPP || errno === constants.errno.ENOSYS) return NONE;
    throw systemError(errno, 'listxattr', pathOf(target));
  }
  const found: Buffer[] = [];
  for (let start = 0; start < length; ) {
    const end = names.indexOf(0, start);
    found.push(Buffer.from(names.subarray(start, end)));
    start = end + 1;
  }
  return found.sort(Buffer.compare);
}

/** The value, or undefined when the attribute is not there (any more). */
export function getXattr(target: XattrTarget, name: Buffer): Buffer | undefined {
  const length = get(target, cString(name), value, LARGEST);
  if (length >= 0) return Buffer.from(value.subarray(0, length));
  const errno = lastErrno();
  if (errno === constants.errno.ENODATA || errno === constants.errno.EOPNOTSUPP) return undefined;
  throw systemError(errno, 'getxattr', pathOf(target));
}

export function setXattr(target: XattrTarget, name: Buffer, bytes: Buffer): void {
  checked(set(target, cString(name), bytes, bytes.length, 0), 'setxattr', pathOf(target));
}

export function removeXattr(target: XattrTarget, name: Buffer): void {
  checked(remove(target, cString(name)), 'removexattr', pathOf(target));
}

function pathOf(target: XattrTarget): Buffer | undefined {
  return typeof target === 'number' ? undefined : target;
}
