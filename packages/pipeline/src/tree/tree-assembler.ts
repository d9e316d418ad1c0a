import type { TreeEntry } from '@sealift/repository';
import type { WorkResult } from '../read/read-work.ts';
import { ContentWriter } from './content-writer.ts';
import type { StoreChunk } from './index-levels.ts';
import type { TreePagesWriter } from './tree-writer.ts';

/** Counts of what a recovery point holds. */
export interface TreeTotals {
  files: number;
  directories: number;
  bytes: number;
}

/** Turns results, in tree order, into entries of the tree; the segments of a large file come in several results. */
export class TreeAssembler {
  readonly totals: TreeTotals = { files: 0, directories: 0, bytes: 0 };
  readonly #tree: TreePagesWriter;
  readonly #store: StoreChunk;
  #content: ContentWriter | undefined;
  #lost = false;

  constructor(tree: TreePagesWriter, store: StoreChunk) {
    this.#tree = tree;
    this.#store = store;
  }

  get empty(): boolean {
    return this.totals.files + this.totals.directories === 0;
  }

  async add(result: WorkResult): Promise<void> {
    if (result.kind === 'segments') return this.#addSegments(result);
    for (const entry of result.entries) await this.#addEntry(entry);
  }

  /** The id of the top chunk of the tree. */
  finish(): Promise<Buffer> {
    return this.#tree.finish();
  }

  async #addSegments({ unit, segments, lost }: Extract<WorkResult, { kind: 'segments' }>): Promise<void> {
    if (unit.first) {
      this.#content = new ContentWriter(this.#store);
      this.#lost = false;
    }
    const content = this.#content as ContentWriter;
    this.#lost ||= lost;
    await content.append(segments);
    if (!unit.last) return;
    this.#content = undefined;
    if (this.#lost) return;
    const { source: _, ...metadata } = unit.entry;
    await this.#addEntry({ ...metadata, size: content.bytes, content: await content.finish() });
  }

  async #addEntry(entry: TreeEntry): Promise<void> {
    await this.#tree.add(entry);
    if (entry.kind === 'directory') this.totals.directories++;
    else this.totals.files++;
    if (entry.content !== undefined) this.totals.bytes += entry.size;
  }
}
