import { createHash, type KeyObject } from 'node:crypto';
import { CHUNK_TYPE, cutPrf } from '@sealift/crypto';
import { encodeNode, joinEntries } from '@sealift/repository';
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
  readonly #onPage: (id: Buffer, drawn: boolean) => void;
  readonly #prf: (windows: Buffer, count: number) => Buffer;
  readonly #index: IndexLevels<Buffer>;
  #entries: Buffer[] = [];
  #bytes = 0;
  #first: Buffer | undefined;

  /** @param onPage told each page with what was added since the one before; `drawn` if the same entries always end one there */
  constructor(store: StoreChunk, cutKey: KeyObject, onPage: (id: Buffer, drawn: boolean) => void) {
    this.#store = store;
    this.#onPage = onPage;
    this.#prf = cutPrf(cutKey);
    this.#index = new IndexLevels<Buffer>({
      store,
      encode: (level, children) => encodeNode({ level, children: children.map(({ key, id }) => ({ first: key, id })) }),
      keyOfNode: (keys) => keys[0] as Buffer,
    });
  }

  /** Adds an entry as `encodeEntry` made it. */
  async add(path: Buffer, encoded: Buffer): Promise<void> {
    this.#first ??= path;
    this.#entries.push(encoded);
    this.#bytes += encoded.length;
    if (this.#bytes >= MOST_PAGE_BYTES || (this.#bytes >= LEAST_PAGE_BYTES && this.#endsPage(path))) {
      await this.#closePage(true);
    }
  }

  /** Whether a page begins with the next entry. */
  get atPageStart(): boolean {
    return this.#entries.length === 0;
  }

  /** Adds a page that is stored already, where one begins. */
  async addPage(first: Buffer, id: Buffer): Promise<void> {
    await this.#index.add(first, id);
  }

  /** The id of the top chunk of the tree. */
  async finish(): Promise<Buffer> {
    if (this.#entries.length > 0) await this.#closePage(false);
    return this.#index.finish();
  }

  #endsPage(path: Buffer): boolean {
    const window = createHash('sha512').update(path).digest();
    return this.#prf(window, 1).readUInt32BE(0) < PAGE_END_BELOW;
  }

  async #closePage(drawn: boolean): Promise<void> {
    const id = await this.#store(CHUNK_TYPE.tree, joinEntries(this.#entries));
    this.#onPage(id, drawn);
    await this.#index.add(this.#first as Buffer, id);
    this.#entries = [];
    this.#bytes = 0;
    this.#first = undefined;
  }
}
