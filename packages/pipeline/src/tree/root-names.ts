import { isDiskImage, isMachine, machineName, rawImageName } from '@sealift/workloads';

/** A protected path and the name its root has in the tree. */
export interface NamedRoot {
  path: Buffer;
  name: Buffer;
}

const SLASH = 0x2f;

/**
 * Names the roots of a recovery point after the last component of their paths, told apart by a number where two are
 * alike, in the order of the tree.
 */
export function nameRoots(paths: Buffer[]): NamedRoot[] {
  const taken = new Set<string>();
  const roots = paths.map((path) => {
    const base = baseName(path, lastComponent(path));
    let name = base;
    for (let copy = 2; taken.has(name.toString('latin1')); copy++)
      name = Buffer.concat([base, Buffer.from(`~${copy}`)]);
    taken.add(name.toString('latin1'));
    return { path, name };
  });
  return roots.sort((a, b) => a.name.compare(b.name));
}

/** What is kept of an image is its disk, not the file that it is stored in; of a socket, the machine behind it. */
function baseName(path: Buffer, last: Buffer): Buffer {
  if (isDiskImage(path)) return rawImageName(last);
  return isMachine(path) ? machineName(last) : last;
}

function lastComponent(path: Buffer): Buffer {
  let end = path.length;
  while (end > 0 && path[end - 1] === SLASH) end--;
  const name = path.subarray(path.lastIndexOf(SLASH, end - 1) + 1, end);
  return name.length === 0 ? Buffer.from('root') : name;
}
