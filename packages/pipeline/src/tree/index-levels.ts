import { CHUNK_TYPE, type ChunkType } from '@sealift/crypto';

/** Makes a chunk of a plaintext: id, dedup, compression, encryption, transfer. Resolves with its id. */
export type StoreChunk = (type: ChunkType, plaintext: Buffer) => Promise<Buffer>;

/** Most children of a node: about 150 KiB of node. */
const MOST_CHILDREN = 1024;

interface Child<K> {
  key: K;
  id: Buffer;
}

export interface IndexOptions<K> {
  store: StoreChunk;
  encode: (level: number, children: Child<K>[]) => Buffer;
  /** The key of a node from the keys of its children. */
  keyOfNode: (keys: K[]) => K;
}

/** Grows the inner nodes above a sequence of pages from the bottom up, holding one unfinished node a level. */
export class IndexLevels<K> {
  readonly #options: IndexOptions<K>;
  readonly #levels: Child<K>[][] = [];

  constructor(options: IndexOptions<K>) {
    this.#options = options;
  }

  async add(key: K, id: Buffer): Promise<void> {
    await this.#addAt(0, { key, id });
  }

  /** Closes all levels and gives the id of the top chunk: the only page itself, if there was one. */
  async finish(): Promise<Buffer> {
    for (let level = 0; ; level++) {
      const children = this.#levels[level] ?? [];
      const top = this.#levels.length <= level + 1;
      if (top && children.length === 1) return (children[0] as Child<K>).id;
      if (children.length > 0) await this.#close(level);
    }
  }

  async #addAt(level: number, child: Child<K>): Promise<void> {
    const children = this.#levels[level] ?? [];
    this.#levels[level] = children;
    children.push(child);
    if (children.length > MOST_CHILDREN) await this.#close(level);
  }

  /** Turns the children gathered at `level` into one node above them. */
  async #close(level: number): Promise<void> {
    const children = this.#levels[level] as Child<K>[];
    this.#levels[level] = [];
    const id = await this.#options.store(CHUNK_TYPE.tree, this.#options.encode(level + 1, children));
    await this.#addAt(level + 1, { key: this.#options.keyOfNode(children.map(({ key }) => key)), id });
  }
}
