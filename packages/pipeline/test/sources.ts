import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Bytes that look random and depend on the seed only. */
export function noise(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash('sha256').update(`${seed}/${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

/** A tree with one of everything that a backup has to keep. */
export function makeTree(at: string): void {
  mkdirSync(join(at, 'many/deep/er'), { recursive: true });
  for (let i = 0; i < 300; i++) writeFileSync(join(at, 'many', `file-${i}`), `content of ${i % 250}\n`.repeat(i % 7));
  writeFileSync(join(at, 'many/deep/er/large'), noise('large', 9_000_000));
  writeFileSync(join(at, 'many/deep/text'), 'the same line again and again\n'.repeat(40_000));
  writeFileSync(Buffer.concat([Buffer.from(`${at}/odd-`), Buffer.from([0xff, 0xfe, 0x0a, 0x20])]), 'odd name');
  writeFileSync(join(at, 'empty'), '');
  linkSync(join(at, 'many/file-1'), join(at, 'second name'));
  symlinkSync('many/file-2', join(at, 'link'));
  symlinkSync('/nowhere/at all', join(at, 'dangling'));
  execFileSync('mkfifo', [join(at, 'pipe')]);
  mkdirSync(join(at, 'empty folder'));
  chmodSync(join(at, 'many/file-3'), 0o4711);
  makeSparse(join(at, 'sparse'), 5_000_000, [
    [1_000_000, 'begin'],
    [4_000_000, 'end'],
  ]);
  makeSparse(join(at, 'small sparse'), 200_000, [[100_000, 'middle']]);
  utimesSync(join(at, 'many'), 1_600_000_000.123, 1_600_000_000.987);
}

export function makeSparse(path: string, size: number, writes: [at: number, text: string][]): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, size);
  for (const [at, text] of writes) writeSync(fd, text, at);
  closeSync(fd);
}
