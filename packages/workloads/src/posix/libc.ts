import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

let library: ReturnType<typeof koffi.load> | undefined;

/** In place of an open directory: names are paths. */
export const AT_FDCWD = -100;

/** A function of the C library, looked up at its first call. 64-bit Linux: off_t, ssize_t and time_t are int64. */
export function libcFunction<A extends unknown[]>(prototype: string): (...args: A) => number {
  let bound: ((...args: A) => number) | undefined;
  return (...args) => {
    if (bound === undefined) {
      library ??= koffi.load(null);
      bound = library.func(prototype) as unknown as (...args: A) => number;
    }
    return bound(...args);
  };
}

/** The errno of the call just made; must be read before anything else runs. */
export function lastErrno(): number {
  return koffi.errno();
}

/** An error of the shape that node:fs throws, so that callers treat both alike. */
export function systemError(errno: number, call: string, path?: Buffer): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const error: NodeJS.ErrnoException = new Error(`${code}: ${call}${path === undefined ? '' : ` '${path}'`}`);
  error.errno = -errno;
  error.code = code;
  error.syscall = call;
  return error;
}

/** Returns `result` or throws what errno says. */
export function checked(result: number, call: string, path?: Buffer): number {
  if (result < 0) throw systemError(lastErrno(), call, path);
  return result;
}

const SCRATCH_SIZE = 8192;
const scratch = Buffer.alloc(SCRATCH_SIZE);

/** The path with its NUL, in memory that the next call of this function overwrites. */
export function cPath(path: Buffer): Buffer {
  return terminate(path, path.length < SCRATCH_SIZE ? scratch : Buffer.alloc(path.length + 1));
}

/** The bytes with a NUL, in memory of their own, for calls that take two names. */
export function cString(bytes: Buffer): Buffer {
  return terminate(bytes, Buffer.alloc(bytes.length + 1));
}

function terminate(bytes: Buffer, target: Buffer): Buffer {
  if (bytes.includes(0)) throw systemError(constants.errno.EINVAL, 'name with NUL', bytes);
  target.set(bytes);
  target[bytes.length] = 0;
  return target;
}
