const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Order of a tree: names compared bytewise, component by component, so that a directory is directly followed by its
 * contents. Equal to comparing bytes with '/' below every other byte, since names hold no NUL.
 */
export function comparePaths(a: Buffer, b: Buffer): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (x !== y) return (x === SLASH ? 0 : x) - (y === SLASH ? 0 : y);
  }
  return a.length - b.length;
}

/** True when `path` lies under `folder`. */
export function isUnder(path: Buffer, folder: Buffer): boolean {
  if (path.length <= folder.length || path[folder.length] !== SLASH) return false;
  return Buffer.compare(path.subarray(0, folder.length), folder) === 0;
}

/** Why a path must not stand in a tree, or undefined: relative, no empty component, no `.`, no `..`, no NUL. */
export function pathFlaw(path: Buffer): string | undefined {
  if (path.length === 0) return 'an empty path';
  if (path.includes(0)) return 'a path with a NUL';
  let start = 0;
  while (start <= path.length) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const flaw = nameFlaw(path, start, end);
    if (flaw !== undefined) return flaw;
    start = end + 1;
  }
  return undefined;
}

function nameFlaw(path: Buffer, start: number, end: number): string | undefined {
  if (start === end) return 'a path that is absolute or has an empty name';
  if (end - start <= 2 && path[start] === DOT && path[end - 1] === DOT) return 'a path with "." or ".."';
  return undefined;
}
