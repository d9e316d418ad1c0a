import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RetryPolicy } from '@sealift/core';
import { fail } from '../../failures.ts';
import { isPackName } from '../../layout.ts';
import { storageFailure } from '../storage-failure.ts';
import type { GrowingFile, Packing, Store } from '../store.ts';
import type { S3Address } from './address.ts';
import { type CredentialsSource, connectS3 } from './client.ts';
import { isCode, Objects } from './objects.ts';
import { resilientRequester } from './requests.ts';
import { SpooledFile } from './spooled-file.ts';
import { PART, type ReadSpan, Uploads } from './uploads.ts';

const INCOMING = 'incoming';
/** Stands for an upload in parts that was never finished; `remove` gives it up. */
const UPLOAD_SUFFIX = '.upload';
/** Sent in one request up to this length, bytes; longer files go in parts. */
const LONGEST_WHOLE = 2 * PART;

const PACKING: Packing = {
  growsDurably: false,
  group: 8 * 1024 * 1024,
  waiting: 32 * 1024 * 1024,
  idle: 100,
  longestWait: 2000,
  parallel: 3,
};

export interface S3StoreOptions {
  credentials: CredentialsSource;
  /** Folder for files that grow, of this program alone; made when missing, emptied by its owner. Not for reading. */
  spool?: string;
  /** How requests are repeated; for whoever cannot wait a minute for a store that does not answer. */
  retry?: Partial<RetryPolicy>;
}

/** A repository in a bucket of an S3-compatible object store that honours If-None-Match. Nothing is asked of it yet. */
export async function s3Store(address: S3Address, options: S3StoreOptions): Promise<Store> {
  const connection = await connectS3(address, options.credentials);
  const request = resilientRequester(address.location, options.retry);
  const objects = new Objects(connection, address.bucket, request);
  const uploads = new Uploads(connection, address.bucket, request, objects);
  return new S3Store({ address, objects, uploads, spool: options.spool ?? join(tmpdir(), 'sealift-spool') });
}

interface Parts {
  address: S3Address;
  objects: Objects;
  uploads: Uploads;
  spool: string;
}

class S3Store implements Store {
  readonly location: string;
  readonly packing = PACKING;
  readonly manyWriters = false;
  readonly #prefix: string;
  readonly #packClass: string | undefined;
  readonly #objects: Objects;
  readonly #uploads: Uploads;
  readonly #spool: string;
  readonly #growing = new Map<string, SpooledFile>();
  /** Version of each own mark, in a bucket that keeps versions. */
  readonly #marks = new Map<string, string | undefined>();
  #locks: Promise<boolean> | undefined;

  constructor({ address, objects, uploads, spool }: Parts) {
    this.location = address.location;
    this.#prefix = address.prefix;
    this.#packClass = address.packClass;
    this.#objects = objects;
    this.#uploads = uploads;
    this.#spool = spool;
  }

  async read(name: string, offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
    const growing = this.#growing.get(name);
    if (growing !== undefined) return growing.read(offset, length);
    if (length === 0) return Buffer.alloc(0);
    try {
      const { bytes, length: whole } = await this.#objects.get(this.#key(name), rangeOf(offset, length));
      if (bytes.length === length) return bytes;
      throw fail('format-damaged', `${this.#whole(name)} ends at ${whole}, before ${offset + length}: it is cut off.`);
    } catch (thrown) {
      if (!isCode(thrown, 'format-damaged')) throw thrown;
      throw fail('format-damaged', `${this.#whole(name)} ends before ${offset + length}: it is cut off.`);
    }
  }

  async readTail(name: string, most: number): Promise<{ tail: Buffer<ArrayBuffer>; length: number }> {
    const growing = this.#growing.get(name);
    if (growing !== undefined) {
      const span = Math.min(most, growing.length);
      return { tail: await growing.read(growing.length - span, span), length: growing.length };
    }
    if (most === 0) return this.#length(name);
    try {
      const { bytes, length } = await this.#objects.get(this.#key(name), `bytes=-${most}`);
      return { tail: bytes, length };
    } catch (thrown) {
      // No range of an empty object can be had.
      if (!isCode(thrown, 'format-damaged')) throw thrown;
      return this.#length(name);
    }
  }

  async list(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const key of this.#objects.list(this.#key(`${folder}/`))) names.push(key.slice(this.#prefix.length));
    return names;
  }

  async publish(name: string, bytes: Buffer): Promise<void> {
    await this.#objects.putNew(this.#key(name), bytes, { storageClass: this.#classOf(name) });
  }

  async grow(name: string): Promise<GrowingFile> {
    const temporary = `${INCOMING}/${name}`;
    try {
      await mkdir(this.#spool, { recursive: true, mode: 0o700 });
    } catch (thrown) {
      throw storageFailure(thrown, 'Creating', this.#spool);
    }
    const file = await SpooledFile.begin(temporary, join(this.#spool, `${randomUUID()}.spool`), {
      send: (final, length, read) => this.#send(final, length, read),
      onClosed: () => this.#growing.delete(temporary),
    });
    this.#growing.set(temporary, file);
    return file;
  }

  async unfinished(): Promise<string[]> {
    const uploads = await this.#uploads.unfinished(this.#prefix);
    return [...this.#growing.keys(), ...uploads.map(uploadName)];
  }

  async remove(name: string): Promise<void> {
    this.#marks.delete(name);
    if (name.startsWith(`${INCOMING}/`) && name.endsWith(UPLOAD_SUFFIX)) return this.#giveUp(name);
    await this.#objects.remove(this.#key(name));
  }

  /** Says at once when the store overwrites what it must not: then neither leases nor points would be safe in it. */
  async mark(name: string): Promise<void> {
    const key = this.#key(name);
    const version = await this.#objects.putNew(key, Buffer.alloc(0));
    this.#marks.set(name, version);
    try {
      await this.#objects.putNew(key, Buffer.alloc(0));
    } catch (thrown) {
      if (isCode(thrown, 'file-exists')) return;
      throw thrown;
    }
    await this.remove(name);
    throw fail(
      'store-unfit',
      `The object store of ${this.location} ignores If-None-Match: it overwrites what is there.`,
    );
  }

  /**
   * A mark that another program removes between the question and the answer comes back with its old, lower generation.
   * The listing that follows every renewal tells its holder, who then removes it.
   */
  async renewMark(name: string): Promise<boolean> {
    const key = this.#key(name);
    if ((await this.#objects.head(key)) === undefined) return false;
    const former = this.#marks.get(name);
    this.#marks.set(name, await this.#objects.put(key, Buffer.alloc(0)));
    await this.#objects.removeVersion(key, former);
    return true;
  }

  async markAge(name: string): Promise<number | undefined> {
    return (await this.#objects.head(this.#key(name)))?.age;
  }

  canRetain(): Promise<boolean> {
    this.#locks ??= this.#objects.locks();
    this.#locks.catch(() => {
      this.#locks = undefined;
    });
    return this.#locks;
  }

  async retain(name: string, until: number): Promise<void> {
    await this.#objects.retain(this.#key(name), until);
  }

  async freeBytes(): Promise<undefined> {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#objects.close();
  }

  async #send(name: string, length: number, read: ReadSpan): Promise<void> {
    const options = { storageClass: this.#classOf(name) };
    if (length > LONGEST_WHOLE) await this.#uploads.send(this.#key(name), length, read, options);
    else await this.#objects.put(this.#key(name), await read(0, length), options);
  }

  async #giveUp(name: string): Promise<void> {
    const uploads = await this.#uploads.unfinished(this.#prefix);
    await Promise.all(uploads.filter((upload) => uploadName(upload) === name).map((u) => this.#uploads.giveUp(u)));
  }

  async #length(name: string): Promise<{ tail: Buffer<ArrayBuffer>; length: number }> {
    const facts = await this.#objects.head(this.#key(name));
    if (facts === undefined) throw fail('file-missing', `${this.#whole(name)} is not there.`);
    return { tail: Buffer.alloc(0), length: facts.length };
  }

  #classOf(name: string): string | undefined {
    return isPackName(name) ? this.#packClass : undefined;
  }

  #key(name: string): string {
    return `${this.#prefix}${name}`;
  }

  #whole(name: string): string {
    return `${this.#key(name)} in ${this.location}`;
  }
}

function rangeOf(offset: number, length: number): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

function uploadName({ uploadId }: { uploadId: string }): string {
  return `${INCOMING}/${encodeURIComponent(uploadId)}${UPLOAD_SUFFIX}`;
}
