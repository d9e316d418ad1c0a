import { createHash } from 'node:crypto';
import type { ListObjectVersionsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { Failure } from '@sealift/core';
import { fail } from '../../failures.ts';
import { type Connection, type Sdk, serverTime } from './client.ts';
import type { Requester } from './requests.ts';

export interface PutOptions {
  storageClass?: string | undefined;
}

/** What an object store tells of an object without sending it. */
export interface ObjectFacts {
  length: number;
  /** Since it was written, ms by the store's own clock. */
  age: number;
  /** Names the call that wrote it. */
  writer: string | undefined;
}

/** Every request made again gives the same result, so that a lost answer changes nothing. */
export class Objects {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #request: Requester;
  readonly #bucket: string;
  /** Known as soon as anything was written: in a bucket with versions, a plain delete frees nothing. */
  #versioned = false;

  constructor(connection: Connection, bucket: string, request: Requester) {
    this.#sdk = connection.sdk;
    this.#client = connection.client;
    this.#bucket = bucket;
    this.#request = request;
  }

  /** Replaces what is there. @returns the id of the version made, in a bucket with versions */
  async put(key: string, body: Buffer, options: PutOptions = {}): Promise<string | undefined> {
    return this.#put(key, body, { ...options, writer: crypto.randomUUID() });
  }

  /** Fails with `file-exists` when the key is taken. @returns as `put` */
  async putNew(key: string, body: Buffer, options: PutOptions = {}): Promise<string | undefined> {
    const writer = crypto.randomUUID();
    try {
      const version = await this.#put(key, body, { ...options, writer, ifAbsent: true });
      return version === undefined ? undefined : await this.#firstOf(key, writer);
    } catch (thrown) {
      // An earlier attempt may have succeeded although its answer was lost.
      if (!isCode(thrown, 'file-exists') || (await this.head(key))?.writer !== writer) throw thrown;
      return undefined;
    }
  }

  /** Bytes of a range as HTTP writes it, and the length of the whole object. */
  get(key: string, range: string): Promise<{ bytes: Buffer<ArrayBuffer>; length: number }> {
    const command = new this.#sdk.GetObjectCommand({ ...this.#at(key), Range: range });
    return this.#request(`Reading ${key}`, async (abortSignal) => {
      const answer = await this.#client.send(command, { abortSignal });
      const body = await answer.Body?.transformToByteArray();
      const bytes = body === undefined ? Buffer.alloc(0) : ownBytes(body);
      const length = Number(/\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1] ?? answer.ContentLength);
      if (bytes.length !== answer.ContentLength) throw fail('store-unreachable', `The answer with ${key} was cut off.`);
      return { bytes, length };
    });
  }

  async head(key: string, version?: string): Promise<ObjectFacts | undefined> {
    const command = new this.#sdk.HeadObjectCommand({
      ...this.#at(key),
      ...(version === undefined ? {} : { VersionId: version }),
    });
    try {
      const answer = await this.#request(`Looking at ${key}`, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      const age = serverTime(answer) - (answer.LastModified?.getTime() ?? 0);
      return { length: answer.ContentLength ?? 0, age, writer: answer.Metadata?.writer };
    } catch (thrown) {
      if (isCode(thrown, 'file-missing')) return undefined;
      throw thrown;
    }
  }

  /** Keys that begin with a prefix, page by page. */
  async *list(prefix: string): AsyncGenerator<string, void, undefined> {
    let token: string | undefined;
    do {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await this.#request(`Listing ${prefix}`, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  /** Frees its space, also in a bucket with versions. Removing what is not there succeeds. */
  async remove(key: string): Promise<void> {
    if (!this.#versioned && !(await this.#delete(key))) return;
    this.#versioned = true;
    await this.#removeVersions(key);
  }

  /** Removes one version; nothing if the bucket keeps none. */
  async removeVersion(key: string, version: string | undefined): Promise<void> {
    if (version !== undefined) await this.#delete(key, version);
  }

  /** Forbids to remove the present version before a time, in whole seconds, to everybody. One that is retained longer stays so. */
  async retain(key: string, until: number): Promise<void> {
    const command = new this.#sdk.PutObjectRetentionCommand({
      ...this.#at(key),
      Retention: { Mode: 'COMPLIANCE', RetainUntilDate: new Date(Math.ceil(until / 1000) * 1000) },
    });
    try {
      await this.#request(`Locking ${key}`, (abortSignal) => this.#client.send(command, { abortSignal }));
    } catch (thrown) {
      // A store refuses to shorten a lock and to change one without permission in the same words.
      if (!isCode(thrown, 'store-refused') || (await this.#retainedUntil(key)) < until) throw thrown;
    }
  }

  /** Whether the bucket was made with object lock. */
  async locks(): Promise<boolean> {
    const command = new this.#sdk.GetObjectLockConfigurationCommand({ Bucket: this.#bucket });
    try {
      const answer = await this.#request('Asking for object lock', (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
    } catch (thrown) {
      if (isCode(thrown, 'file-missing') || isCode(thrown, 'store-unfit')) return false;
      throw thrown;
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #put(
    key: string,
    body: Buffer,
    options: PutOptions & { writer: string; ifAbsent?: boolean },
  ): Promise<string | undefined> {
    const { writer, ifAbsent, storageClass } = options;
    const command = new this.#sdk.PutObjectCommand({
      ...this.#at(key),
      Body: body,
      ContentMD5: md5(body),
      Metadata: { writer },
      ...(ifAbsent === true ? { IfNoneMatch: '*' } : {}),
      ...(storageClass === undefined ? {} : { StorageClass: storageClass as 'STANDARD' }),
    });
    const { VersionId } = await this.#request(`Writing ${key}`, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (VersionId === undefined || VersionId === 'null') return undefined;
    this.#versioned = true;
    return VersionId;
  }

  /**
   * Some stores ignore If-None-Match in a bucket with versions. There nothing is overwritten: of all that wrote the
   * same key the first counts, and the others take back what they wrote.
   */
  async #firstOf(key: string, writer: string): Promise<string | undefined> {
    const { versions } = await this.#versionsOf(key);
    const [first, ...later] = versions.reverse();
    const won = first !== undefined && (await this.head(key, first))?.writer === writer;
    for (const version of later) {
      if ((await this.head(key, version))?.writer === writer) await this.#delete(key, version);
    }
    if (won) return first;
    throw fail('file-exists', `${key} is there already.`);
  }

  /** @returns whether this hid the object behind a delete marker instead of removing it */
  async #delete(key: string, version?: string): Promise<boolean> {
    const command = new this.#sdk.DeleteObjectCommand({
      ...this.#at(key),
      ...(version === undefined ? {} : { VersionId: version }),
    });
    try {
      const answer = await this.#request(`Removing ${key}`, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      return version === undefined && answer.DeleteMarker === true;
    } catch (thrown) {
      if (isCode(thrown, 'file-missing')) return false;
      throw thrown;
    }
  }

  async #retainedUntil(key: string): Promise<number> {
    const command = new this.#sdk.GetObjectRetentionCommand(this.#at(key));
    const { Retention } = await this.#request(`Asking for the lock of ${key}`, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return Retention?.Mode === 'COMPLIANCE' ? (Retention.RetainUntilDate?.getTime() ?? 0) : 0;
  }

  /** Delete markers go last: an object that turns out to be locked is then seen again. */
  async #removeVersions(key: string): Promise<void> {
    const { versions, markers } = await this.#versionsOf(key);
    const refused: unknown[] = [];
    for (const version of versions) await this.#delete(key, version).catch((thrown) => refused.push(thrown));
    for (const marker of markers) await this.#delete(key, marker);
    const [first] = refused;
    if (first === undefined) return;
    if (!isCode(first, 'store-refused')) throw first;
    throw fail('object-locked', `${key} cannot be removed: ${(first as Failure).message}`, { cause: first });
  }

  /** The newest first. */
  async #versionsOf(key: string): Promise<{ versions: string[]; markers: string[] }> {
    const found = { versions: [] as string[], markers: [] as string[] };
    let page: ListObjectVersionsCommandOutput | undefined;
    do {
      const command = new this.#sdk.ListObjectVersionsCommand({
        Bucket: this.#bucket,
        Prefix: key,
        ...(page?.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }),
        ...(page?.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
      });
      page = await this.#request(`Listing versions of ${key}`, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      found.versions.push(...idsOf(page.Versions, key));
      found.markers.push(...idsOf(page.DeleteMarkers, key));
    } while (page.IsTruncated === true);
    return found;
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: key };
  }
}

function idsOf(
  versions: { Key?: string | undefined; VersionId?: string | undefined }[] | undefined,
  key: string,
): string[] {
  return (versions ?? []).flatMap(({ Key, VersionId }) => (Key === key && VersionId !== undefined ? [VersionId] : []));
}

export function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Failure && thrown.code === code;
}

/** Checked by the store, so that what is acknowledged is what was sent. */
export function md5(body: Buffer): string {
  return createHash('md5').update(body).digest('base64');
}

/** Chunks are handed to worker threads together with the memory they lie in. */
function ownBytes(body: Uint8Array): Buffer<ArrayBuffer> {
  const alone = body.byteOffset === 0 && body.byteLength === body.buffer.byteLength;
  const bytes = alone ? body : Uint8Array.from(body);
  return Buffer.from(bytes.buffer as ArrayBuffer, 0, bytes.byteLength);
}
