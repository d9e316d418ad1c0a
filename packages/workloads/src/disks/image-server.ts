import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdAddress, NbdPlace } from '../nbd/address.ts';
import { NbdClient } from '../nbd/client.ts';
import { pathText } from '../path-text.ts';
import type { ImageFormat } from './image-format.ts';

const STARTING_MS = 30_000;
const POLL_MS = 20;
const LAST_WORDS_MS = 1000;
const MOST_MESSAGE = 2000;

/** A disk image, with all images that it is based on, served to read by a qemu-nbd of its own. */
export class ImageServer implements AsyncDisposable {
  readonly place: NbdPlace;
  /** Bytes of the disk, not of the file. */
  readonly size: number;
  readonly #resources: AsyncDisposableStack;

  private constructor(address: NbdAddress, size: number, resources: AsyncDisposableStack) {
    this.place = { address, exportName: '' };
    this.size = size;
    this.#resources = resources;
  }

  /** @param path absolute @throws Failure `image-tool-missing`, `image-unreadable` */
  static async start(path: Buffer, format: ImageFormat, signal?: AbortSignal): Promise<ImageServer> {
    if (!Buffer.from(path.toString()).equals(path)) {
      throw fail('image-unreadable', `${pathText(path)} cannot be handed to qemu-nbd: its path is not UTF-8.`);
    }
    await using resources = new AsyncDisposableStack();
    // Paths of sockets have to be short, which those of spool folders need not be.
    const folder = await mkdtemp(join(tmpdir(), 'sealift-image-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const address = { path: join(folder, 'nbd') };
    const program = new QemuNbd(path, format, address.path);
    resources.use(program);
    // qemu-nbd ends with its last client: this one keeps it while we live, and no longer.
    const { size } = resources.use(await program.client(address, signal));
    return new ImageServer(address, size, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

class QemuNbd implements AsyncDisposable {
  readonly #path: Buffer;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #running = true;
  #said = '';
  #failed: NodeJS.ErrnoException | undefined;

  constructor(path: Buffer, format: ImageFormat, socket: string) {
    this.#path = path;
    const options = ['--read-only', `--format=${format}`, `--socket=${socket}`, '--shared=0', '--'];
    this.#child = spawn('qemu-nbd', [...options, path.toString()], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(0, MOST_MESSAGE);
    });
    this.#ended = new Promise<unknown>((resolve) => {
      this.#child.once('close', resolve);
      this.#child.once('error', (error) => {
        this.#failed = error;
        resolve(error);
      });
    }).then(() => {
      this.#running = false;
    });
  }

  /** Its first client, as soon as it has opened the image. */
  async client(address: { path: string }, signal: AbortSignal | undefined): Promise<NbdClient> {
    const late = Date.now() + STARTING_MS;
    while (this.#running) {
      const client = await this.#attempt(address, signal);
      if (client !== undefined) return client;
      if (Date.now() > late) throw this.#failure('qemu-nbd does not get ready');
      await Promise.race([sleep(POLL_MS), this.#ended]);
    }
    throw this.#failure();
  }

  /** Undefined while it does not listen: its socket is there a moment before that. */
  async #attempt(address: { path: string }, signal: AbortSignal | undefined): Promise<NbdClient | undefined> {
    try {
      return await NbdClient.connect(address, {}, signal);
    } catch (thrown) {
      signal?.throwIfAborted();
      if (toFailure(thrown).code === 'nbd-unreachable') return undefined;
      // It listens before it opens the image, and says why it could not.
      await Promise.race([sleep(LAST_WORDS_MS), this.#ended]);
      throw this.#running ? thrown : this.#failure();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #failure(why = this.#said.trim().replace(/^qemu-nbd: /, '')): Error {
    const cause = this.#failed;
    if (cause?.code === 'ENOENT') {
      return fail('image-tool-missing', `${pathText(this.#path)} needs qemu-nbd to be read, which is not installed.`);
    }
    return fail('image-unreadable', `${pathText(this.#path)} cannot be opened: ${cause?.message ?? why}`, { cause });
  }
}
