import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { chmod, link, lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** A small tree of what is easily lost: odd names, hard and symbolic links, holes, times, modes, a FIFO. */
export async function makeOddTree(root: string): Promise<void> {
  await mkdir(join(root, 'folder', 'deeper'), { recursive: true });
  await mkdir(join(root, 'empty'), { mode: 0o1777 });
  const latin1 = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.of(0xe9)]);
  await writeFile(latin1, 'a name that is not UTF-8');
  for (const name of [
    '-rf',
    ' space ',
    'line\nbreak',
    'quote\'"`$',
    'back\\slash',
    '\u001b[31mred',
    'ü',
    'u\u0308',
    '*?[]',
    '~',
  ]) {
    await writeFile(join(root, 'folder', name), `content of ${name}`);
  }
  await writeFile(join(root, 'folder', 'x'.repeat(255)), 'the longest name');
  await writeFile(join(root, 'nothing'), '');
  await writeFile(join(root, 'random'), randomBytes(3 * MIB));
  await writeFile(join(root, 'repetitive'), Buffer.alloc(2 * MIB, 'all work and no play '));
  for (let i = 0; i < 40; i++) await writeFile(join(root, 'folder', 'deeper', `small ${i}`), randomBytes(100 * i));
  await link(join(root, 'random'), join(root, 'folder', 'hard link'));
  await symlink('../nothing', join(root, 'folder', 'link'));
  await symlink('/no/such/place', join(root, 'dangling'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  makeSparseFile(join(root, 'sparse'), 24 * MIB);
  await chmod(join(root, 'random'), 0o640);
  await chmod(join(root, 'nothing'), 0o000);
  await lutimes(join(root, 'dangling'), 1, 2.5);
  await utimes(join(root, 'folder', 'deeper'), 1_000_000_000, 1_234_567_890.123);
}

/** A file of which only a few blocks exist. */
export function makeSparseFile(path: string, size: number): void {
  const fd = openSync(path, 'w');
  try {
    ftruncateSync(fd, size);
    for (const at of [0, Math.floor(size / 3), size - 4096]) writeSync(fd, randomBytes(4096), 0, 4096, at);
  } finally {
    closeSync(fd);
  }
}
