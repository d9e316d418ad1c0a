import { createHash, type KeyObject } from 'node:crypto';
import { CHUNK_TYPE, cutPrf } from '@sealift/crypto';
import { encodeEntry, encodeNode, joinEntries, type TreeEntry } from '@sealift/repository';
import { IndexLevels, type StoreChunk } from './index-levels.ts';

const LEAST_PAGE_BYTES = 256 * 1024;
const MOST_PAGE_BYTES = 1024 * 1024;
/** Past the least size, one entry in 1,024 ends its page. */
const PAGE_END_BELOW = 2 ** 32 / 1024;

/**
 * Writes the tree of a recovery point: entries in tree order, gathered into pages. Where a page ends is drawn by a PRF
 * of the path, so that inserting a file moves one page and the cuts show nothing about names.
 */
export class TreePagesWriter {
  readonly #store: StoreChunk;
  readonly #prf: (windows: Buffer, count: number) => Buffer;
  readonly #index: IndexLevels<Buffer>;
  #entries: Buffer[] = [];
  #bytes = 0;
  #first: Buffer | undefined;

  constructor(store: StoreChunk, cutKey: KeyObject) {
    this.#store = store;
    this.#prf = cutPrf(cutKey);
    this.#index = new IndexLevels<Buffer>({
      store,
      encode: (level, children) => encodeNode({ level, children: children.map(({ key, id }) => ({ first: key, id })) }),
      keyOfNode: (keys) => keys[0] as Buffer,
    });
  }

  async add(entry: TreeEntry): Promise<void> {
    const encoded = encodeEntry(entry);
    this.#first ??= entry.path;
    this.#entries.push(encoded);
    this.#bytes += encoded.length;
    if (this.#bytes >= MOST_PAGE_BYTES || (this.#bytes >= LEAST_PAGE_BYTES && this.#endsPage(entry.path))) {
      await this.#closePage();
    }
  }

  /** The id of the top chunk of the tree. */
  async finish(): Promise<Buffer> {
    if (this.#entries.length > 0) await this.#closePage();
    return this.#index.finish();
  }

  #endsPage(path: Buffer): boolean {
    const window = createHash('sha512').update(path).digest();
    return this.#prf(window, 1).readUInt32BE(0) < PAGE_END_BELOW;
  }

  async #closePage(): Promise<void> {
    const id = await this.#store(CHUNK_TYPE.tree, joinEntries(this.#entries));
    await this.#index.add(this.#first as Buffer, id);
    this.#entries = [];
    this.#bytes = 0;
    this.#first = undefined;
  }
}
