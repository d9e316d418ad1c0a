import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The last bytes of a stored file, with its whole length. */
export interface Tail {
  tail: Buffer<ArrayBuffer>;
  length: number;
}

/**
 * Copies of what opening a repository reads of immutable files: ends of packs and of reference lists, recovery points.
 * It may lose or damage them at any time: whoever reads them checks them as if they came from the store.
 */
export interface MetadataCache {
  get(name: string): Promise<Tail | undefined>;
  /** Never fails. */
  put(name: string, tail: Tail): Promise<void>;
}

/** u64 length of the file, then its tail. */
const PREFIX = 8;
const ENTRY_NAME = /^([0-9a-f]{64})-([0-9]{1,12})$/;
/** One entry may take this share of the whole. */
const LARGEST_SHARE = 8;

/**
 * A cache in a folder of its own, of one repository and one program, holding at most `most` bytes: the oldest entries
 * make room. Sizes stand in the names, so that beginning costs one listing.
 */
export async function folderCache(folder: string, most: number): Promise<MetadataCache> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const entries = new Map<string, number>();
  for (const name of await readdir(folder)) {
    const found = ENTRY_NAME.exec(name);
    if (found === null) await rm(join(folder, name), { recursive: true, force: true });
    else entries.set(found[1] as string, Number(found[2]));
  }
  return new FolderCache(folder, most, entries);
}

class FolderCache implements MetadataCache {
  readonly #folder: string;
  readonly #most: number;
  /** Sizes by key, the oldest first. */
  readonly #entries: Map<string, number>;
  #bytes = 0;

  constructor(folder: string, most: number, entries: Map<string, number>) {
    this.#folder = folder;
    this.#most = most;
    this.#entries = entries;
    for (const size of entries.values()) this.#bytes += size;
  }

  async get(name: string): Promise<Tail | undefined> {
    const key = keyOf(name);
    const size = this.#entries.get(key);
    if (size === undefined) return undefined;
    const bytes = await readFile(this.#path(key, size)).catch(() => undefined);
    if (bytes === undefined || bytes.length !== size) return undefined;
    return { length: Number(bytes.readBigUInt64BE(0)), tail: bytes.subarray(PREFIX) };
  }

  async put(name: string, { tail, length }: Tail): Promise<void> {
    const key = keyOf(name);
    const size = PREFIX + tail.length;
    if (size > this.#most / LARGEST_SHARE) return;
    await this.#forget(key);
    while (this.#bytes + size > this.#most) await this.#forget(this.#entries.keys().next().value as string);
    const head = Buffer.alloc(PREFIX);
    head.writeBigUInt64BE(BigInt(length));
    const path = this.#path(key, size);
    this.#entries.set(key, size);
    this.#bytes += size;
    try {
      await writeFile(`${path}.tmp`, Buffer.concat([head, tail]), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    } catch {
      // A full disk costs speed at the next opening and nothing else.
      await this.#forget(key);
    }
  }

  async #forget(key: string): Promise<void> {
    const size = this.#entries.get(key);
    if (size === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= size;
    await rm(this.#path(key, size), { force: true }).catch(() => {});
  }

  #path(key: string, size: number): string {
    return join(this.#folder, `${key}-${size}`);
  }
}

function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

/** Decodes the tail of an immutable file: the cached copy if it holds, else the one in the store, which is then kept. */
export async function throughCache<T>(
  cache: MetadataCache | undefined,
  name: string,
  read: () => Promise<Tail>,
  decode: (tail: Tail) => T,
): Promise<T> {
  const kept = await cache?.get(name);
  if (kept !== undefined) {
    try {
      return decode(kept);
    } catch {
      // Damaged on this machine; the store has the last word.
    }
  }
  const tail = await read();
  const decoded = decode(tail);
  await cache?.put(name, tail);
  return decoded;
}
