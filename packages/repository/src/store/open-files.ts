import { type FileHandle, open } from 'node:fs/promises';

interface OpenFile {
  handle: Promise<FileHandle>;
  users: number;
  evicted: boolean;
}

/** A few files kept open for reading, the least recently used closed first, never one that is in use. */
export class OpenFiles {
  readonly #most: number;
  /** In order of use, the most recent last. */
  readonly #files = new Map<string, OpenFile>();

  constructor(most: number) {
    this.#most = most;
  }

  async use<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = this.#take(path);
    file.users++;
    try {
      return await work(await file.handle);
    } catch (thrown) {
      this.#evict(path, file);
      throw thrown;
    } finally {
      file.users--;
      if (file.evicted && file.users === 0) await closeQuietly(file);
    }
  }

  /** Forgets a file, after it was renamed or removed. */
  async forget(path: string): Promise<void> {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#evict(path, file);
    if (file.users === 0) await closeQuietly(file);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.keys()].map((path) => this.forget(path)));
  }

  #take(path: string): OpenFile {
    const known = this.#files.get(path);
    const file = known ?? { handle: open(path, 'r'), users: 0, evicted: false };
    // Whoever uses the file sees the failure of opening it; the promise itself must not count as unhandled.
    if (known === undefined) file.handle.catch(() => {});
    this.#files.delete(path);
    this.#files.set(path, file);
    if (this.#files.size > this.#most) this.#evictOldest(path);
    return file;
  }

  #evictOldest(except: string): void {
    for (const [path, file] of this.#files) {
      if (path === except || file.users > 0) continue;
      this.#evict(path, file);
      void closeQuietly(file);
      return;
    }
  }

  #evict(path: string, file: OpenFile): void {
    file.evicted = true;
    if (this.#files.get(path) === file) this.#files.delete(path);
  }
}

/** Nothing was written through it, so an error of closing loses nothing. */
async function closeQuietly(file: OpenFile): Promise<void> {
  await file.handle.then((handle) => handle.close()).catch(() => {});
}
