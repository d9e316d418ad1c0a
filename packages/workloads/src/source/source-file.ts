import { closeSync, readSync } from 'node:fs';
import type { SourceState } from '../entry.ts';
import { fail } from '../failures.ts';
import { pathText } from '../path-text.ts';
import { seekData, seekHole, sizeBySeeking } from '../posix/extents.ts';
import { type FileStatus, statOf } from '../posix/stat.ts';
import { openQuietly } from './open-quietly.ts';

/** A range of a file, bytes. Ranges follow each other without gaps from 0 to the size at opening. */
export interface Extent {
  kind: 'data' | 'hole';
  offset: number;
  length: number;
}

/** Below this size a file that fills its blocks is taken as all data; asking would cost more than reading. */
const WORTH_SEEKING = 65_536;
const STAT_BLOCK = 512;

/** A regular file or block device open for reading. */
export class SourceFile implements Disposable {
  readonly fd: number;
  readonly stat: SourceState;
  readonly #dense: boolean;

  constructor(fd: number, stat: SourceState, dense: boolean) {
    this.fd = fd;
    this.stat = stat;
    this.#dense = dense;
  }

  /** Data and holes from `from` to `to` of the file as it was at opening; where holes are not known all is data. */
  *segments(from = 0, to = this.stat.size): Generator<Extent, void, undefined> {
    const end = Math.min(to, this.stat.size);
    for (let at = from; at < end; ) {
      const { start, stop } = this.#nextData(at, end);
      if (start > at) yield { kind: 'hole', offset: at, length: start - at };
      if (stop > start) yield { kind: 'data', offset: start, length: stop - start };
      at = stop;
    }
  }

  /** Reads until `into` is full or the file ends; returns the bytes read. */
  readAt(offset: number, into: Buffer): number {
    let filled = 0;
    while (filled < into.length) {
      const read = readSync(this.fd, into, filled, into.length - filled, offset + filled);
      if (read === 0) break;
      filled += read;
    }
    return filled;
  }

  /** Whether the file was written to (or is not the one) since `found`; asked after reading it. */
  changedSince(found: SourceState): boolean {
    const now = statOf(this.fd);
    if (now.device !== found.device || now.inode !== found.inode) return true;
    return now.mtimeNs !== found.mtimeNs || now.ctimeNs !== found.ctimeNs || contentSize(this.fd, now) !== found.size;
  }

  /** Whether it has become shorter than it was found. */
  shorterThan(size: number): boolean {
    return contentSize(this.fd, statOf(this.fd)) < size;
  }

  close(): void {
    closeSync(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #nextData(at: number, end: number): { start: number; stop: number } {
    const data = this.#dense ? 'unsupported' : seekData(this.fd, at);
    if (data === 'unsupported') return { start: at, stop: end };
    if (data === undefined || data >= end) return { start: end, stop: end };
    return { start: data, stop: Math.min(seekHole(this.fd, data) ?? end, end) };
  }
}

/**
 * Opens what the walk found at an absolute path, never through a link in its last component. With `expected`, another
 * file that has taken its place meanwhile is refused. Failures: `vanished`, `changed`, `unreadable`.
 */
export function openSource(path: Buffer, expected?: SourceState): SourceFile {
  let fd: number;
  try {
    fd = openQuietly(path);
  } catch (thrown) {
    throw openFailure(path, thrown);
  }
  try {
    return sourceOf(fd, path, expected);
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

function sourceOf(fd: number, path: Buffer, expected: SourceState | undefined): SourceFile {
  const status = statOf(fd);
  const { kind, device, inode, mtimeNs, ctimeNs } = status;
  const replaced = expected !== undefined && (device !== expected.device || inode !== expected.inode);
  if (replaced || !(kind === 'file' || kind === 'block')) {
    throw fail('changed', `${pathText(path)} was replaced by something else before it was read`);
  }
  const size = contentSize(fd, status);
  const dense = kind === 'file' && size <= WORTH_SEEKING && status.blocks * STAT_BLOCK >= size;
  return new SourceFile(fd, { device, inode, size, mtimeNs, ctimeNs }, dense);
}

function contentSize(fd: number, status: FileStatus): number {
  return status.kind === 'block' ? sizeBySeeking(fd) : status.size;
}

function openFailure(path: Buffer, thrown: unknown): Error {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const options = { cause: thrown };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return fail('vanished', `${pathText(path)} was deleted before it was read`, options);
  }
  if (code === 'ELOOP') return fail('changed', `${pathText(path)} was replaced by a link before it was read`, options);
  return fail('unreadable', `${pathText(path)} cannot be read: ${code ?? message}`, options);
}
