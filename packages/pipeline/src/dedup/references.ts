import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';

const FLUSH_AT = 64 * 1024;

/**
 * The ids of every chunk a recovery point depends on, in the order met, spilled to a file so that its length does not
 * cost memory. An id may appear twice.
 */
export class ReferenceList implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #written: Promise<void> = Promise.resolve();
  #count = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(path: string): Promise<ReferenceList> {
    return new ReferenceList(path, await open(path, 'w+', 0o600));
  }

  append(id: Buffer): void {
    this.#pending.push(Buffer.from(id));
    this.#pendingBytes += id.length;
    this.#count++;
    if (this.#pendingBytes >= FLUSH_AT) this.#flush();
  }

  /** Count and SHA-256 over all ids, in order. */
  async summary(): Promise<{ count: number; hash: Buffer }> {
    const hash = createHash('sha256');
    for await (const batch of this.batches()) hash.update(batch);
    return { count: this.#count, hash: hash.digest() };
  }

  /** All ids, up to 2,048 at a time. */
  async *batches(): AsyncGenerator<Buffer, void, undefined> {
    this.#flush();
    await this.#written;
    for (let position = 0; ; ) {
      const batch = Buffer.allocUnsafeSlow(FLUSH_AT);
      const { bytesRead } = await this.#file.read(batch, 0, FLUSH_AT, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield batch.subarray(0, bytesRead);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written.catch(() => {});
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#written = this.#written.then(async () => {
      await this.#file.appendFile(bytes);
    });
    // Reported by whoever awaits the next read.
    this.#written.catch(() => {});
  }
}
