import type { KeyObject } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type Failure, toFailure } from '@sealift/core';
import { encodeSegments } from '@sealift/repository';
import type { TrackedDisk } from '@sealift/workloads';
import { Packr } from 'msgpackr';
import { STRETCH_BYTES } from '../read/plan-work.ts';
import type { WorkResult } from '../read/read-work.ts';
import { CacheFileWriter, cacheIdentity, findCache, type ReadPage, readPages } from './cache-file.ts';

/*
 * The file is one of `cache-file.ts`. Its first page is what its disks are, msgpack; each of the others is a stretch of a disk,
 * in the order in which they are read: u32 number of the disk, u32 number of the stretch, its segments as in a segment page.
 */

const HEAD_BYTES = 8;
const packr = new Packr({ useRecords: false });

/** What the disks of a job were made of at its last recovery point. Asked in the order in which they are read. */
export class KnownDisks implements Disposable {
  readonly #disks = new Map<string, TrackedDisk & { number: number }>();
  readonly #pages: Iterator<ReadPage | undefined> | undefined;
  /** The page that is not behind what was asked for last. */
  #page: Buffer | undefined;

  constructor(pages: Iterator<ReadPage | undefined> | undefined) {
    this.#pages = pages;
    const first = pages?.next().value?.page;
    if (first === undefined) return;
    for (const [number, disk] of (packr.unpack(first) as TrackedDisk[]).entries()) {
      this.#disks.set(disk.path.toString('latin1'), { ...disk, number });
    }
  }

  disk(path: Buffer): TrackedDisk | undefined {
    return this.#disks.get(path.toString('latin1'));
  }

  /** Encoded segments of a stretch as it was; undefined when they are lost. */
  stretch(path: Buffer, offset: number): Buffer | undefined {
    const disk = this.#disks.get(path.toString('latin1'));
    if (disk === undefined) return undefined;
    const wanted = place(disk.number, offset);
    while (this.#page === undefined || this.#page.compare(wanted, 0, HEAD_BYTES, 0, HEAD_BYTES) < 0) {
      const next = this.#pages?.next();
      if (next === undefined || next.done === true) return undefined;
      if (next.value !== undefined) this.#page = next.value.page;
    }
    const found = this.#page.compare(wanted, 0, HEAD_BYTES, 0, HEAD_BYTES) === 0;
    return found ? this.#page.subarray(HEAD_BYTES) : undefined;
  }

  [Symbol.dispose](): void {
    this.#pages?.return?.();
  }
}

/**
 * Notes of what disks are made of, from one run of a job to its next, so that what has not changed since need not be read.
 * They take some 40 MB for a TB of disk; losing them costs a full run.
 */
export class DiskNotes implements AsyncDisposable {
  readonly known: KnownDisks;
  /** Why there will be none for the next run. */
  failure: Failure | undefined;
  readonly #path: string | undefined;
  readonly #create: (() => Promise<CacheFileWriter>) | undefined;
  readonly #numbers = new Map<string, number>();
  #writer: CacheFileWriter | undefined;

  private constructor(known: KnownDisks, path?: string, create?: () => Promise<CacheFileWriter>) {
    this.known = known;
    this.#path = path;
    this.#create = create;
  }

  /**
   * @param path of the file; without it nothing is known or noted
   * @param subject identity of all that has a say in what is read and where it goes
   */
  static open(path: string | undefined, runId: string, idKey: KeyObject, subject: Buffer): DiskNotes {
    if (path === undefined) return new DiskNotes(new KnownDisks(undefined));
    const identity = cacheIdentity([Buffer.from('disks'), subject]);
    const found = findCache(path, idKey, identity);
    const known = new KnownDisks(found === undefined ? undefined : readPages(found));
    return new DiskNotes(known, path, () => CacheFileWriter.create(path, runId, idKey, identity));
  }

  get active(): boolean {
    return this.#create !== undefined;
  }

  /** These are read now, in this order. */
  async begin(disks: TrackedDisk[]): Promise<void> {
    if (disks.length === 0) return;
    for (const [number, { path }] of disks.entries()) this.#numbers.set(path.toString('latin1'), number);
    try {
      this.#writer = await this.#create?.();
      this.#writer?.addPage(packr.pack(disks));
    } catch (thrown) {
      this.failure = toFailure(thrown);
    }
  }

  /** What a stretch is made of now, among other results of the run in their order. */
  async add(result: WorkResult): Promise<void> {
    if (result.kind !== 'segments' || result.lost) return;
    const { entry, offset } = result.unit;
    const number = this.#numbers.get(entry.path.toString('latin1'));
    if (number === undefined) return;
    this.#writer?.addPage(Buffer.concat([place(number, offset), encodeSegments(result.segments)]));
    await this.#writer?.room();
  }

  /** To be called when the recovery point is committed. @returns whether these notes are those of the next run */
  async makeCurrent(): Promise<boolean> {
    if (this.#writer === undefined) return false;
    try {
      await this.#writer.makeCurrent();
      return true;
    } catch (thrown) {
      this.failure = toFailure(thrown);
      return false;
    }
  }

  /** What is known has turned out to be wrong: the next run reads everything. */
  async forget(): Promise<void> {
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.known[Symbol.dispose]();
    await this.#writer?.[Symbol.asyncDispose]();
  }
}

/** Compares as the stretches are ordered. */
function place(disk: number, offset: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(disk);
  head.writeUInt32BE(offset / STRETCH_BYTES, 4);
  return head;
}
