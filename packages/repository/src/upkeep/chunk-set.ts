import { HashIndex } from '../index/hash-index.ts';

/** Chunks of any zones, in as little memory as the index needs for them. */
export class ChunkSet {
  readonly #zones = new Map<string, HashIndex>();

  get size(): number {
    let size = 0;
    for (const zone of this.#zones.values()) size += zone.chunkCount;
    return size;
  }

  add(zone: Buffer, id: Buffer): void {
    const key = zone.toString('hex');
    const ids = this.#zones.get(key) ?? new HashIndex();
    this.#zones.set(key, ids);
    ids.addChunk(id, { type: 1, pack: 0, offset: 0, length: 0 });
  }

  has(zone: Buffer, id: Buffer): boolean {
    return (this.#zones.get(zone.toString('hex'))?.find(id) ?? -1) >= 0;
  }
}
