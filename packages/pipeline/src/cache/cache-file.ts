import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { openCacheBlock, packCacheBlock, sealCacheBlock, sourceCacheKey, unpackCacheBlock } from '@sealift/crypto';

/*
 * The file: `SLSC`, u16 version 1, u16 zero, salt 32; then blocks, each u32 length and that many bytes, sealed under the key
 * that follows from the salt, by number. A block is u8 kind and contents: 0, the first, {SHA-256 of what the cache is of (32),
 * u64 ms since 1970 of the run}; 1 a page; 2 the end, empty. Where the end is missing, something is.
 */

const MAGIC = Buffer.from('SLSC\0\x01\0\0', 'latin1');
const SALT_BYTES = 32;
const HEADER_BYTES = MAGIC.length + SALT_BYTES;
const IDENTITY_BYTES = 41;
const TAG_BYTES = 16;
/** Longest block; no page comes near. */
const MOST_BLOCK_BYTES = 16 * 1024 * 1024;
/** Largest file: what some twenty million entries take. The rest of a larger tree is read each time. */
const MOST_FILE_BYTES = 2 * 1024 ** 3;
const MOST_PENDING_BYTES = 8 * 1024 * 1024;
const KIND = { identity: 0, page: 1, end: 2 } as const;

/** A cache file that can be read, and its key; both fit through a postMessage. */
export interface CacheToRead {
  path: string;
  key: KeyObject;
}

/** What a cache must be of to be used: another repository, zone, source or rule makes another digest. */
export function cacheIdentity(parts: Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  return hash.digest();
}

/**
 * Looks whether there is a cache of this identity under this key. One from a run that began later than now tells that the
 * clock went back, so that times may come again: it is not used.
 */
export function findCache(path: string, idKey: KeyObject, identity: Buffer): CacheToRead | undefined {
  const blocks = openBlocks(path, (salt) => sourceCacheKey(idKey, salt));
  if (blocks === undefined) return undefined;
  using first = blocks;
  const block = first.next();
  if (!Buffer.isBuffer(block) || block.length !== IDENTITY_BYTES || block[0] !== KIND.identity) return undefined;
  const sameIdentity = block.subarray(1, 33).equals(identity);
  return sameIdentity && block.readBigUInt64BE(33) <= Date.now() ? { path, key: first.key } : undefined;
}

/** Page after page of a cache file: `packed` as it was written, and its plaintext. */
export interface ReadPage {
  packed: Buffer;
  page: Buffer;
}

/** The pages in order; undefined stands for pages that are lost. Nothing follows the end, or a loss of everything behind. */
export function* readPages({ path, key }: CacheToRead): Generator<ReadPage | undefined, void, undefined> {
  const blocks = openBlocks(path, () => key);
  if (blocks === undefined) {
    yield undefined;
    return;
  }
  using open = blocks;
  open.next();
  for (let block = open.next(); block !== 'nothing'; block = open.next()) {
    if (block === 'damaged') yield undefined;
    else if (block[0] === KIND.end) return;
    else yield { packed: open.packed, page: block.subarray(1) };
  }
  yield undefined;
}

class Blocks implements Disposable {
  readonly key: KeyObject;
  /** The last block before it was unpacked. */
  packed: Buffer = Buffer.alloc(0);
  readonly #fd: number;
  #at = HEADER_BYTES;
  #number = 0;

  constructor(fd: number, key: KeyObject) {
    this.#fd = fd;
    this.key = key;
  }

  /** The next block; `damaged` when it does not verify; `nothing` when there is none, or no telling where it ends. */
  next(): Buffer | 'damaged' | 'nothing' {
    const length = readAt(this.#fd, this.#at, 4)?.readUInt32BE() ?? 0;
    if (length <= TAG_BYTES || length > MOST_BLOCK_BYTES) return 'nothing';
    const sealed = readAt(this.#fd, this.#at + 4, length);
    if (sealed === undefined) return 'nothing';
    this.#at += 4 + length;
    const packed = openCacheBlock(this.key, this.#number++, sealed);
    if (packed === undefined) return 'damaged';
    this.packed = packed;
    return unpackCacheBlock(packed) ?? 'damaged';
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** Undefined when there is no file, or none of ours. */
function openBlocks(path: string, keyFor: (salt: Buffer) => KeyObject): Blocks | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  const header = readAt(fd, 0, HEADER_BYTES);
  if (header?.subarray(0, MAGIC.length).equals(MAGIC)) return new Blocks(fd, keyFor(header.subarray(MAGIC.length)));
  closeSync(fd);
  return undefined;
}

/** Undefined when there are not as many bytes, or the disk cannot read them. */
function readAt(fd: number, position: number, length: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(length);
  try {
    let filled = 0;
    while (filled < length) {
      const count = readSync(fd, bytes, filled, length - filled, position + filled);
      if (count === 0) return undefined;
      filled += count;
    }
    return bytes;
  } catch {
    return undefined;
  }
}

/** Writes a cache file under another name, which takes its place when the recovery point is committed. */
export class CacheFileWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #key: KeyObject;
  #number = 0;
  #bytes = 0;
  #pending = 0;
  #stopped = false;
  #written: Promise<void>;

  private constructor(path: string, temporary: string, file: FileHandle, key: KeyObject, salt: Buffer) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#key = key;
    this.#written = this.#append(Promise.resolve(), Buffer.concat([MAGIC, salt]));
  }

  static async create(path: string, runId: string, idKey: KeyObject, identity: Buffer): Promise<CacheFileWriter> {
    const temporary = `${path}.${runId}.tmp`;
    const file = await open(temporary, 'w', 0o600);
    const salt = randomBytes(SALT_BYTES);
    const writer = new CacheFileWriter(path, temporary, file, sourceCacheKey(idKey, salt), salt);
    const now = Buffer.alloc(8);
    now.writeBigUInt64BE(BigInt(Date.now()));
    writer.#block(KIND.identity, Buffer.concat([identity, now]));
    return writer;
  }

  addPage(page: Buffer): void {
    this.#block(KIND.page, page);
  }

  /** A page as `readPages` gave it. */
  addPacked(packed: Buffer): void {
    if (this.#stopped) return;
    const sealed = sealCacheBlock(this.#key, this.#number++, packed);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(sealed.length);
    this.#written = this.#append(this.#written, length, sealed);
    if (this.#bytes > MOST_FILE_BYTES) this.stop();
  }

  /** Resolves when the disk has caught up with what was added. */
  async room(): Promise<void> {
    if (this.#pending > MOST_PENDING_BYTES) await this.#written.catch(() => {});
  }

  /** What follows is not known. A reader sees that the end is missing. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends the file and puts it in the place of the one before. */
  async makeCurrent(): Promise<void> {
    this.#block(KIND.end, Buffer.alloc(0));
    this.#stopped = true;
    await this.#written;
    await this.#file.close();
    await rename(this.#temporary, this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#written.catch(() => {});
    await this.#file.close().catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  #block(kind: number, contents: Buffer): void {
    if (!this.#stopped) this.addPacked(packCacheBlock(Buffer.concat([Buffer.of(kind), contents])));
  }

  #append(after: Promise<void>, ...parts: Buffer[]): Promise<void> {
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    this.#bytes += bytes;
    this.#pending += bytes;
    const written = after.then(async () => {
      await this.#file.writev(parts);
      this.#pending -= bytes;
    });
    // Reported by `makeCurrent`; without it nobody cares.
    written.catch(() => {});
    return written;
  }
}
