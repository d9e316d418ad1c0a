const SLASH = 0x2f;

/** A path for people: UTF-8 where it is, and control characters escaped so that a name cannot forge a log line. */
export function pathText(path: Buffer): string {
  return JSON.stringify(path.toString()).slice(1, -1);
}

/** Joins a directory (with its trailing slash) and a name given as latin1, one character a byte. */
export function childPath(directory: Buffer, name: string): Buffer {
  const path = Buffer.allocUnsafe(directory.length + name.length);
  path.set(directory);
  path.write(name, directory.length, 'latin1');
  return path;
}

export function withSlash(path: Buffer): Buffer {
  return path.at(-1) === SLASH ? path : Buffer.concat([path, Buffer.of(SLASH)]);
}

/** The order of a tree: depth first, names bytewise, a directory before its contents (`a`, `a/b`, `a.b`). */
export function compareTreePaths(a: Buffer, b: Buffer): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (x === y) continue;
    if (x === SLASH) return -1;
    return y === SLASH ? 1 : x - y;
  }
  return a.length - b.length;
}

/** Whether `directory` is `path` or lies above it. */
export function isWithin(directory: Buffer, path: Buffer): boolean {
  if (path.length < directory.length || path.compare(directory, 0, directory.length, 0, directory.length) !== 0) {
    return false;
  }
  return path.length === directory.length || path[directory.length] === SLASH;
}
