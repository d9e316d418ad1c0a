import { constants, openSync } from 'node:fs';

/** O_NOATIME of Linux, which Node lacks on some builds. Only the owner of a file and root may ask for it. */
const NO_ATIME = constants.O_NOATIME ?? 0o1000000;

/** Opens for reading without following a link, without waiting for a FIFO and, where allowed, without touching atime. */
export function openQuietly(path: Buffer, extraFlags = 0): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY | extraFlags;
  try {
    return openSync(path, flags | NO_ATIME);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') throw thrown;
    return openSync(path, flags);
  }
}
