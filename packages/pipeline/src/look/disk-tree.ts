import { orderedParallel, toFailure } from '@sealift/core';
import { comparePaths, isUnder } from '@sealift/repository';
import { type DiskFile, type FileStretch, openDiskContents, readWhole } from '@sealift/workloads';
import { fail } from '../failures.ts';
import type { PointDisk } from '../instant/point-disk.ts';
import type { Contents, LookedEntry, LookedTree, Stretch } from './looked-tree.ts';

/** A longer path cannot be named in an answer. */
const LONGEST_PATH = 4096;
/** Names in memory: those of the folders on the way to the one at hand. */
const MOST_NAMES = 500_000;
/** What is read of a file at once, and ahead. */
const PIECE = 1024 * 1024;
const AHEAD = 8;

interface Name {
  name: Buffer;
  open: () => Promise<DiskFile>;
}

/** Told of folders and files that cannot be read; what else there is goes on, unless it throws. */
export type OnDamage = (path: Buffer, thrown: unknown) => void;

/**
 * The files on a disk of a point, read where they lie. All that is said on such a disk is hostile: loops, endless folders
 * and names that lead elsewhere end here, and so does the memory it may take.
 */
export class DiskTree implements LookedTree, Contents {
  readonly #disk: PointDisk;
  readonly #top: DiskFile;
  readonly #signal: AbortSignal;
  readonly #onDamage: OnDamage;
  readonly #files = new WeakMap<object, DiskFile>();
  #names = 0;

  private constructor(disk: PointDisk, top: DiskFile, onDamage: OnDamage, signal: AbortSignal) {
    this.#disk = disk;
    this.#top = top;
    this.#onDamage = onDamage;
    this.#signal = signal;
  }

  /** @throws Failure `filesystem-damaged`, `filesystem-unreadable` */
  static async open(disk: PointDisk, onDamage: OnDamage, signal: AbortSignal): Promise<DiskTree> {
    return new DiskTree(disk, await openDiskContents(disk, signal), onDamage, signal);
  }

  get pagesRead(): number {
    return this.#disk.fetched;
  }

  async find(path: Buffer): Promise<LookedEntry | undefined> {
    const file = await this.#fileAt(path);
    return file === undefined ? undefined : this.#entry(path, file);
  }

  async *children(folder: Buffer, after?: Buffer): AsyncGenerator<LookedEntry, void, undefined> {
    const file = await this.#fileAt(folder);
    if (file?.metadata.kind !== 'directory') return;
    for (const { name, open } of await this.#sorted(file)) {
      const path = joined(folder, name);
      if (after !== undefined && comparePaths(path, after) <= 0) continue;
      yield this.#entry(path, await this.#opened(path, open));
    }
  }

  async *entries(from?: Buffer): AsyncGenerator<LookedEntry, void, undefined> {
    yield* this.#below(Buffer.alloc(0), this.#top, from, []);
  }

  async *read(entry: LookedEntry, signal: AbortSignal): AsyncGenerator<Stretch, void, undefined> {
    let length = 0;
    for await (const stretch of orderedParallel(this.#pieces(entry), AHEAD, (piece) => this.#load(piece))) {
      signal.throwIfAborted();
      length += stretch.kind === 'hole' ? stretch.length : stretch.bytes.length;
      yield stretch;
    }
    if (length !== entry.size)
      throw fail('tree-damaged', `A file on ${this.#disk.name} has ${length} bytes in place of ${entry.size}.`);
  }

  async *segments(entry: LookedEntry): AsyncGenerator<{ kind: 'hole' | 'chunk'; length: number }, void, undefined> {
    for await (const stretch of this.#pieces(entry)) {
      if (stretch.kind === 'hole') yield stretch;
      else yield { kind: 'chunk', length: stretch.kind === 'disk' ? stretch.length : stretch.bytes.length };
    }
  }

  async *#pieces(entry: LookedEntry): AsyncGenerator<FileStretch, void, undefined> {
    const file = this.#files.get(entry.content ?? entry);
    if (file === undefined) return;
    for await (const stretch of file.content()) {
      if (stretch.kind !== 'disk') {
        yield stretch;
        continue;
      }
      for (let at = 0; at < stretch.length; at += PIECE) {
        yield { kind: 'disk', offset: stretch.offset + at, length: Math.min(PIECE, stretch.length - at) };
      }
    }
  }

  async #load(piece: FileStretch): Promise<Stretch> {
    if (piece.kind === 'hole') return piece;
    return {
      kind: 'data',
      bytes: piece.kind === 'bytes' ? piece.bytes : await readWhole(this.#disk, piece, this.#signal),
    };
  }

  /** What lies below a folder; `above` are the folders on the way, none of which may come again. */
  async *#below(
    folder: Buffer,
    file: DiskFile,
    from: Buffer | undefined,
    above: string[],
  ): AsyncGenerator<LookedEntry, void, undefined> {
    if (above.includes(file.identity)) {
      this.#onDamage(folder, fail('folder-loop', `${folder} leads back to a folder above it.`));
      return;
    }
    const way = [...above, file.identity];
    const names = await this.#sorted(file).catch((thrown: unknown): Name[] => {
      this.#onDamage(folder, thrown);
      return [];
    });
    for (const { name, open } of names) {
      this.#signal.throwIfAborted();
      const path = joined(folder, name);
      const step = stepTo(path, from);
      if (step === 'over') continue;
      const child = await this.#opened(path, open);
      if (step === 'onto') yield this.#entry(path, child);
      if (child.metadata.kind !== 'directory') continue;
      yield* this.#below(path, child, step === 'onto' ? undefined : from, way);
    }
    this.#names -= names.length;
  }

  async #sorted(folder: DiskFile): Promise<Name[]> {
    const names: Name[] = [];
    for await (const name of folder.names()) {
      names.push(name);
      if (names.length + this.#names > MOST_NAMES) {
        throw fail('folder-too-large', `A folder on ${this.#disk.name} has more than ${MOST_NAMES} names.`);
      }
    }
    this.#names += names.length;
    return names.sort((a, b) => a.name.compare(b.name));
  }

  async #fileAt(path: Buffer): Promise<DiskFile | undefined> {
    let file = this.#top;
    if (path.length === 0) return file;
    for (let start = 0; start <= path.length; ) {
      const slash = path.indexOf('/', start);
      const end = slash < 0 ? path.length : slash;
      if (file.metadata.kind !== 'directory') return undefined;
      const next = await named(file, path.subarray(start, end));
      if (next === undefined) return undefined;
      file = await next();
      start = end + 1;
    }
    return file;
  }

  /** Something that cannot be opened is there all the same, and fails when it is read. */
  async #opened(path: Buffer, open: () => Promise<DiskFile>): Promise<DiskFile> {
    try {
      return await open();
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.kind !== 'corrupt') throw failure;
      return new UnreadableFile(`${path}`, failure);
    }
  }

  #entry(path: Buffer, file: DiskFile): LookedEntry {
    const { metadata, filesystem } = file;
    const entry: LookedEntry = { path, ...metadata, ...(filesystem === undefined ? {} : { filesystem }) };
    if (metadata.kind === 'file') {
      entry.content = { inside: true };
      this.#files.set(entry.content, file);
    }
    return entry;
  }
}

/** What a walk that begins at `from` does with a path: it takes it, goes on below it, or leaves it out. */
function stepTo(path: Buffer, from: Buffer | undefined): 'onto' | 'below' | 'over' {
  if (path.length > LONGEST_PATH) return 'over';
  if (from === undefined || comparePaths(path, from) >= 0) return 'onto';
  return isUnder(from, path) ? 'below' : 'over';
}

class UnreadableFile implements DiskFile {
  readonly metadata = { kind: 'file', mode: 0, uid: 0, gid: 0, mtimeNs: 0n, size: 0 } as const;
  readonly identity: string;
  readonly #thrown: Error;

  constructor(identity: string, thrown: Error) {
    this.identity = identity;
    this.#thrown = thrown;
  }

  // biome-ignore lint/correctness/useYield: it only fails
  async *names(): AsyncGenerator<never, void, undefined> {
    throw this.#thrown;
  }

  // biome-ignore lint/correctness/useYield: it only fails
  async *content(): AsyncGenerator<never, void, undefined> {
    throw this.#thrown;
  }
}

async function named(folder: DiskFile, wanted: Buffer): Promise<(() => Promise<DiskFile>) | undefined> {
  for await (const { name, open } of folder.names()) if (name.equals(wanted)) return open;
  return undefined;
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, Buffer.from('/'), name]);
}
