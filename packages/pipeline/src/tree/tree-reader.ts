import { type Failure, toFailure } from '@sealift/core';
import { CHUNK_TYPE } from '@sealift/crypto';
import {
  comparePaths,
  decodeNode,
  decodePage,
  decodeSegmentNode,
  decodeSegments,
  isUnder,
  pageKind,
  type Segment,
  type TreeEntry,
  type TreeNode,
} from '@sealift/repository';
import type { ChunkOpener } from '../decrypt/chunk-opener.ts';
import { fail } from '../failures.ts';
import type { PointSource } from '../transfer/point-source.ts';

/** Deepest a tree of pages can be; a loop planted in it is found out by this. */
const MOST_LEVELS = 16;

/** Reads the tree of a recovery point page by page, wherever its chunks come from. */
export class TreeReader {
  /** Since it was made. */
  pagesRead = 0;
  readonly #source: PointSource;
  readonly #open: ChunkOpener;
  readonly #top: Buffer;
  readonly #onDamage: (failure: Failure) => void;

  /** @param onDamage told of each page that cannot be read; what it holds is passed over and the rest is still read */
  constructor(source: PointSource, open: ChunkOpener, top: Buffer, onDamage: (failure: Failure) => void) {
    this.#source = source;
    this.#open = open;
    this.#top = top;
    this.#onDamage = onDamage;
  }

  /** Entries in tree order, from the first whose path is not before `from`. */
  async *entries(from?: Buffer): AsyncGenerator<TreeEntry, void, undefined> {
    let last: TreeEntry | undefined;
    for await (const page of this.#pages(this.#top, from, MOST_LEVELS)) {
      const previous = last;
      for (const entry of this.#unlessDamaged(() => decodePage(page, previous)) ?? []) {
        last = entry;
        if (from === undefined || comparePaths(entry.path, from) >= 0) yield entry;
      }
    }
  }

  async find(path: Buffer): Promise<TreeEntry | undefined> {
    for await (const entry of this.entries(path)) return entry.path.equals(path) ? entry : undefined;
    return undefined;
  }

  /** The direct contents of a folder (the roots, for an empty path), after the name `after` if it is given. */
  async *children(folder: Buffer, after?: Buffer): AsyncGenerator<TreeEntry, void, undefined> {
    let from: Buffer | undefined = after === undefined ? folder : beyond(after);
    while (from !== undefined) {
      const batch: AsyncGenerator<TreeEntry, Buffer | undefined> = this.#childrenUpToFolder(folder, from);
      // What lies below a folder is passed over without being read.
      from = yield* batch;
    }
  }

  /** Contents of `folder` up to and with the next folder in it. @returns where the rest begins, if there may be more */
  async *#childrenUpToFolder(folder: Buffer, from: Buffer): AsyncGenerator<TreeEntry, Buffer | undefined, undefined> {
    for await (const entry of this.entries(from.length === 0 ? undefined : from)) {
      if (entry.path.equals(folder)) continue;
      if (folder.length > 0 && !isUnder(entry.path, folder)) return undefined;
      yield entry;
      if (entry.kind === 'directory') return beyond(entry.path);
    }
    return undefined;
  }

  /** The segments of a file whose map is in pages of its own. */
  async *segments(top: Buffer, level = MOST_LEVELS): AsyncGenerator<Segment, void, undefined> {
    if (level === 0) throw fail('tree-damaged', 'The segment pages of a file are nested too deeply.');
    const plaintext = await this.#read(top);
    if (pageKind(plaintext) === 'segments') {
      yield* decodeSegments(plaintext);
    } else {
      for (const { id } of decodeSegmentNode(plaintext).children) yield* this.segments(id, level - 1);
    }
  }

  async *#pages(id: Buffer, from: Buffer | undefined, level: number): AsyncGenerator<Buffer, void, undefined> {
    if (level === 0) throw fail('tree-damaged', 'The pages of a tree are nested too deeply.');
    const plaintext = await this.#readUnlessDamaged(id);
    if (plaintext === undefined) return;
    if (pageKind(plaintext) === 'entries') {
      yield plaintext;
      return;
    }
    const node = this.#unlessDamaged(() => decodeNode(plaintext));
    if (node === undefined) return;
    for (const child of childrenFrom(node, from)) yield* this.#pages(child.id, from, level - 1);
  }

  async #readUnlessDamaged(id: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.#read(id);
    } catch (thrown) {
      this.#report(thrown);
      return undefined;
    }
  }

  #unlessDamaged<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      this.#report(thrown);
      return undefined;
    }
  }

  #report(thrown: unknown): void {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    this.#onDamage(failure);
  }

  async #read(id: Buffer): Promise<Buffer> {
    this.pagesRead += 1;
    return this.#open(await this.#source.fetch(id), CHUNK_TYPE.tree, id);
  }
}

/** The children that can hold entries at or after `from`: from the last one that does not begin beyond it. */
function childrenFrom(node: TreeNode, from: Buffer | undefined): TreeNode['children'] {
  if (from === undefined) return node.children;
  const beyondFrom = node.children.findIndex(({ first }) => comparePaths(first, from) > 0);
  if (beyondFrom < 0) return node.children.slice(-1);
  return node.children.slice(Math.max(0, beyondFrom - 1));
}

/** A path that follows everything below `folder` and precedes every other name: '/' counts as the lowest byte. */
function beyond(folder: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.of(1)]);
}
