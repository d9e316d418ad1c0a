import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** The whole content of a file if it has `size` bytes and can be read; it is for the caller to check what it is. */
export function readTwin(path: Buffer, size: number): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(descriptor).size !== size) return undefined;
    const contents = Buffer.allocUnsafe(size);
    return readSync(descriptor, contents, 0, size, 0) === size ? contents : undefined;
  } catch {
    // Somebody removed or locked it meanwhile: the content is fetched instead.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
