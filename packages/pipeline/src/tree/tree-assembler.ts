import { encodeEntry, glanceEntry, type TreeEntry } from '@sealift/repository';
import { printOf } from '@sealift/workloads';
import type { CacheWriter } from '../cache/cache-writer.ts';
import { unpackPage, type WholePage } from '../cache/known-pages.ts';
import { readEntries, readHead } from '../cache/page.ts';
import type { EntryToCache } from '../cache/page-builder.ts';
import type { WorkResult } from '../read/read-work.ts';
import { ContentWriter, idsOf } from './content-writer.ts';
import type { StoreChunk } from './index-levels.ts';
import type { TreePagesWriter } from './tree-writer.ts';

/** Counts of what a recovery point holds. */
export interface TreeTotals {
  files: number;
  directories: number;
  bytes: number;
}

/** What is told of entries that were taken over from the last point. */
export type OnKept = (files: number, bytes: number) => void;

/** Turns results, in tree order, into entries of the tree; the segments of a large file come in several results. */
export class TreeAssembler {
  readonly totals: TreeTotals = { files: 0, directories: 0, bytes: 0 };
  readonly #tree: TreePagesWriter;
  readonly #store: StoreChunk;
  readonly #cache: CacheWriter | undefined;
  readonly #onKept: OnKept;
  #content: ContentWriter | undefined;
  #lost = false;

  /** @param cache takes down what goes into the tree; told of its pages by the tree itself */
  constructor(tree: TreePagesWriter, store: StoreChunk, cache: CacheWriter | undefined, onKept: OnKept) {
    this.#tree = tree;
    this.#store = store;
    this.#cache = cache;
    this.#onKept = onKept;
  }

  get empty(): boolean {
    return this.totals.files + this.totals.directories === 0;
  }

  async add(result: WorkResult): Promise<void> {
    if (result.kind === 'entry') {
      const { entry, print, settled } = result.finished;
      const ids = entry.content !== undefined && 'inline' in entry.content ? idsOf(entry.content.inline) : [];
      await this.#addEntry(entry, { print, settled, ids });
    } else if (result.kind === 'segments') {
      await this.#addSegments(result);
    } else if (result.kind === 'kept') {
      await this.#addKept(result.page);
    } else if (result.kind === 'whole') {
      await this.#addWhole(result.page);
    } else if (result.kind === 'missing') {
      this.#cache?.addMissing(result.path);
    } else {
      this.#cache?.stop();
    }
    await this.#cache?.room();
  }

  /** The id of the top chunk of the tree. */
  finish(): Promise<Buffer> {
    return this.#tree.finish();
  }

  async #addSegments({ unit, segments, lost, sound }: Extract<WorkResult, { kind: 'segments' }>): Promise<void> {
    if (unit.first) {
      this.#content = new ContentWriter(this.#store);
      this.#lost = false;
    }
    const content = this.#content as ContentWriter;
    this.#lost ||= lost;
    await content.append(segments);
    if (!unit.last) return;
    this.#content = undefined;
    const { source, ...metadata } = unit.entry;
    if (this.#lost) {
      this.#cache?.addMissing(metadata.path);
      return;
    }
    const entry = { ...metadata, size: content.bytes, content: await content.finish() };
    // Which blocks of a disk are unchanged cannot be told from its times.
    const settled = source.settled && sound && metadata.disk !== true;
    await this.#addEntry(entry, { print: printOf(source), settled, ids: content.ids });
  }

  #addEntry(entry: TreeEntry, facts: Omit<EntryToCache, 'encoded'>): Promise<void> {
    return this.#addEncoded({ encoded: encodeEntry(entry), ...facts });
  }

  async #addKept(page: Buffer): Promise<void> {
    for (const entry of readEntries(page)) {
      const { directory, contentBytes } = glanceEntry(entry.encoded);
      if (!directory) this.#onKept(1, contentBytes ?? 0);
      await this.#addEncoded(entry);
    }
  }

  async #addEncoded(entry: EntryToCache): Promise<void> {
    const { path, directory, contentBytes } = glanceEntry(entry.encoded);
    this.#cache?.add(entry);
    await this.#tree.add(path, entry.encoded);
    if (directory) this.totals.directories++;
    else this.totals.files++;
    this.totals.bytes += contentBytes ?? 0;
  }

  async #addWhole(page: WholePage): Promise<void> {
    if (!this.#tree.atPageStart) return this.#addKept(unpackPage(page));
    const { id, files, directories, bytes } = readHead(page.head);
    this.#cache?.addWhole(page);
    await this.#tree.addPage(page.first, id);
    this.#onKept(files, bytes);
    this.totals.files += files;
    this.totals.directories += directories;
    this.totals.bytes += bytes;
  }
}
