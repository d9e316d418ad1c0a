import { once } from 'node:events';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../../failures.ts';
import type { Host } from '../../session/host.ts';

/** Where a download is written to. A file gets its name when it is whole, and not before. */
export interface Output {
  /** Absent for standard output. */
  path?: string;
  bytes: number;
  write(bytes: Buffer): Promise<void>;
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/** @param name `-` for standard output */
export async function openOutput(host: Host, name: string, force: boolean): Promise<Output> {
  return name === '-' ? new StandardOutput(host) : await FileOutput.open(resolve(host.cwd, name), force);
}

class StandardOutput implements Output {
  readonly #host: Host;
  bytes = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  async write(bytes: Buffer): Promise<void> {
    this.bytes += bytes.length;
    if (!this.#host.stdout.write(bytes)) await once(this.#host.stdout, 'drain');
  }

  async finish(): Promise<void> {}

  async discard(): Promise<void> {}
}

class FileOutput implements Output {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #unfinished: string;
  readonly #force: boolean;
  bytes = 0;

  private constructor(path: string, file: FileHandle, unfinished: string, force: boolean) {
    this.path = path;
    this.#file = file;
    this.#unfinished = unfinished;
    this.#force = force;
  }

  /** What is downloaded may be secret: it is for its owner alone until they decide otherwise. */
  static async open(path: string, force: boolean): Promise<FileOutput> {
    if (!force && (await stat(path).catch(() => undefined)) !== undefined) throw exists(path);
    const unfinished = join(dirname(path), `.sealift-download-${crypto.randomUUID()}`);
    return new FileOutput(path, await open(unfinished, 'wx', 0o600), unfinished, force);
  }

  async write(bytes: Buffer): Promise<void> {
    this.bytes += bytes.length;
    for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
  }

  async finish(): Promise<void> {
    await this.#file.sync();
    await this.#file.close();
    if (this.#force) {
      await rename(this.#unfinished, this.path);
      return;
    }
    await link(this.#unfinished, this.path).catch((thrown: NodeJS.ErrnoException) => {
      throw thrown.code === 'EEXIST' ? exists(this.path) : thrown;
    });
    await rm(this.#unfinished);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#unfinished, { force: true });
  }
}

function exists(path: string) {
  return fail('usage', `${path} exists; give another name with -o, or --force`);
}
