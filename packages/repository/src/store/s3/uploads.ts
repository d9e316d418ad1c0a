import type { CompletedPart, ListMultipartUploadsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { orderedParallel } from '@sealift/core';
import type { Connection, Sdk } from './client.ts';
import { isCode, md5, type Objects, type PutOptions } from './objects.ts';
import type { Requester } from './requests.ts';

/** What is longer than this is sent in parts of this length, bytes. */
export const PART = 16 * 1024 * 1024;
const PARTS_AT_ONCE = 3;

/** Reads a span of what is sent; called again when a part has to be sent again. */
export type ReadSpan = (offset: number, length: number) => Promise<Buffer>;

export interface UnfinishedUpload {
  key: string;
  uploadId: string;
}

/** Uploads in parts: nothing of an object is seen before the last step, and what a crash left can be given up. */
export class Uploads {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #request: Requester;
  readonly #bucket: string;
  readonly #objects: Pick<Objects, 'head'>;

  constructor(connection: Connection, bucket: string, request: Requester, objects: Pick<Objects, 'head'>) {
    this.#sdk = connection.sdk;
    this.#client = connection.client;
    this.#bucket = bucket;
    this.#request = request;
    this.#objects = objects;
  }

  async send(key: string, length: number, read: ReadSpan, options: PutOptions): Promise<void> {
    const writer = crypto.randomUUID();
    const uploadId = await this.#begin(key, writer, options);
    try {
      const offsets = Array.from({ length: Math.ceil(length / PART) }, (_, i) => i * PART);
      const parts = await Array.fromAsync(
        orderedParallel(offsets, PARTS_AT_ONCE, (offset) =>
          this.#part({ key, uploadId }, offset / PART + 1, () => read(offset, Math.min(PART, length - offset))),
        ),
      );
      await this.#complete({ key, uploadId }, writer, parts);
    } catch (thrown) {
      await this.giveUp({ key, uploadId }).catch(() => {});
      throw thrown;
    }
  }

  /** Of anybody who writes under this prefix. */
  async unfinished(prefix: string): Promise<UnfinishedUpload[]> {
    const uploads: UnfinishedUpload[] = [];
    let page: ListMultipartUploadsCommandOutput | undefined;
    do {
      const command = new this.#sdk.ListMultipartUploadsCommand({
        Bucket: this.#bucket,
        Prefix: prefix,
        ...(page?.NextKeyMarker === undefined ? {} : { KeyMarker: page.NextKeyMarker }),
        ...(page?.NextUploadIdMarker === undefined ? {} : { UploadIdMarker: page.NextUploadIdMarker }),
      });
      page = await this.#request(`Listing uploads under ${prefix}`, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      for (const { Key, UploadId } of page.Uploads ?? []) {
        if (Key !== undefined && UploadId !== undefined) uploads.push({ key: Key, uploadId: UploadId });
      }
    } while (page.IsTruncated === true);
    return uploads;
  }

  /** Giving up what is finished or gone succeeds. */
  async giveUp({ key, uploadId }: UnfinishedUpload): Promise<void> {
    const command = new this.#sdk.AbortMultipartUploadCommand({ Bucket: this.#bucket, Key: key, UploadId: uploadId });
    try {
      await this.#request(`Giving up ${key}`, (abortSignal) => this.#client.send(command, { abortSignal }));
    } catch (thrown) {
      if (!isCode(thrown, 'file-missing')) throw thrown;
    }
  }

  async #begin(key: string, writer: string, { storageClass }: PutOptions): Promise<string> {
    const command = new this.#sdk.CreateMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: key,
      Metadata: { writer },
      ...(storageClass === undefined ? {} : { StorageClass: storageClass as 'STANDARD' }),
    });
    const answer = await this.#request(`Beginning ${key}`, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return answer.UploadId as string;
  }

  async #part(to: UnfinishedUpload, number: number, read: () => Promise<Buffer>): Promise<CompletedPart> {
    const body = await read();
    const command = new this.#sdk.UploadPartCommand({
      Bucket: this.#bucket,
      Key: to.key,
      UploadId: to.uploadId,
      PartNumber: number,
      Body: body,
      ContentMD5: md5(body),
    });
    const { ETag } = await this.#request(`Writing ${to.key}, part ${number}`, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return { PartNumber: number, ...(ETag === undefined ? {} : { ETag }) };
  }

  async #complete(of: UnfinishedUpload, writer: string, parts: CompletedPart[]): Promise<void> {
    const command = new this.#sdk.CompleteMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: of.key,
      UploadId: of.uploadId,
      MultipartUpload: { Parts: parts },
    });
    try {
      await this.#request(`Finishing ${of.key}`, (abortSignal) => this.#client.send(command, { abortSignal }));
    } catch (thrown) {
      // An earlier attempt may have finished it although its answer was lost: then the upload is no more.
      if (!isCode(thrown, 'file-missing') || (await this.#objects.head(of.key))?.writer !== writer) throw thrown;
    }
  }
}
