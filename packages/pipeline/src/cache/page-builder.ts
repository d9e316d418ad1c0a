import { glanceEntry } from '@sealift/repository';
import { PRINT_BYTES } from '@sealift/workloads';
import { ENTRY_FLAG, ID_BYTES, PAGE_FLAG } from './page.ts';

/** Most ids of a page: 2 MiB of them, or the chunks of some 64 GiB. */
export const MOST_IDS = 65_536;
const NO_PRINT = Buffer.alloc(PRINT_BYTES);

export interface EntryToCache {
  encoded: Buffer;
  print: Buffer;
  settled: boolean;
  /** 32 bytes each, end to end or one by one; undefined if there are too many to be remembered. */
  ids: Buffer[] | undefined;
}

/** Collects the entries of one page of the cache. */
export class PageBuilder {
  readonly #parts: Buffer[] = [];
  readonly #places = new Map<string, number>();
  readonly #ids: Buffer[] = [];
  #bytes = 0;
  #count = 0;
  #files = 0;
  #directories = 0;
  #contentBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the page so far, about. */
  get bytes(): number {
    return this.#bytes + this.#ids.length * ID_BYTES;
  }

  /** An entry with more ids than the page has room for is not settled, so that its content is read again. */
  add({ encoded, print, settled, ids }: EntryToCache): void {
    const { directory, contentBytes } = glanceEntry(encoded);
    if (directory) this.#directories++;
    else this.#files++;
    this.#contentBytes += contentBytes ?? 0;
    const fits = ids !== undefined && this.#ids.length + ids.length <= MOST_IDS;
    const places = fits ? ids.map((id) => this.#place(id)) : [];
    this.#append(print, fits && settled ? ENTRY_FLAG.settled : 0, places, encoded);
  }

  /** A path of which there is something, but not in the recovery point. */
  addMissing(path: Buffer): void {
    this.#append(NO_PRINT, ENTRY_FLAG.missing, [], path);
  }

  /** @param tree id of the page of the tree that these entries are; undefined if they are none or may be cut otherwise */
  finish(tree: Buffer | undefined): Buffer {
    const head = Buffer.alloc(53);
    head.writeUInt8(tree === undefined ? 0 : PAGE_FLAG.whole, 0);
    tree?.copy(head, 1);
    head.writeUInt32BE(this.#files, 33);
    head.writeUInt32BE(this.#directories, 37);
    head.writeBigUInt64BE(BigInt(this.#contentBytes), 41);
    head.writeUInt32BE(this.#ids.length, 49);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.#count);
    return Buffer.concat([head, ...this.#ids, count, ...this.#parts]);
  }

  #place(id: Buffer): number {
    const key = id.toString('latin1');
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#ids.length;
      this.#places.set(key, place);
      this.#ids.push(Buffer.from(id));
    }
    return place;
  }

  #append(print: Buffer, flags: number, places: number[], encoded: Buffer): void {
    const head = Buffer.allocUnsafe(PRINT_BYTES + 5 + places.length * 4 + 4);
    head.set(print);
    let at = head.writeUInt8(flags, PRINT_BYTES);
    at = head.writeUInt32BE(places.length, at);
    for (const place of places) at = head.writeUInt32BE(place, at);
    head.writeUInt32BE(encoded.length, at);
    this.#parts.push(head, encoded);
    this.#bytes += head.length + encoded.length;
    this.#count++;
  }
}
