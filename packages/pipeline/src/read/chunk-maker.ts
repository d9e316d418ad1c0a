import { ByteCredit, releaseMemory, StageClock } from '@sealift/core';
import { CHUNK_TYPE, type ChunkType, CODEC, chunkId, compress, encodeInner, sealChunk } from '@sealift/crypto';
import { VERDICT } from '../dedup/dedup.ts';
import { fail } from '../failures.ts';
import { ownBuffer, type ThreadChannel } from '../threads/channel.ts';
import type { SourceMainMethods, SourceWorkerData, SourceWorkerMethods } from './thread-messages.ts';

/** Sealed bytes a worker may have on their way to the main thread. */
const HANDED_OVER_LIMIT = 2 * 1024 * 1024;

export type MainThread = ThreadChannel<SourceMainMethods, SourceWorkerMethods>;

const NO_MEMBERS = Buffer.alloc(0);

/** In a source worker: id, question, compression, encryption and hand-over of chunks. */
export class ChunkMaker {
  readonly clock: StageClock;
  readonly #main: MainThread;
  readonly #settings: SourceWorkerData;
  readonly #handedOver = new ByteCredit(HANDED_OVER_LIMIT);

  constructor(main: MainThread, settings: SourceWorkerData) {
    this.#main = main;
    this.#settings = settings;
    this.clock = new StageClock(settings.clock);
  }

  id(type: ChunkType, plaintext: Buffer): Buffer {
    return chunkId(this.#settings.chunkKeys.idKey, type, plaintext);
  }

  /** Makes chunks of plaintexts of one type, sending those that the target lacks. @returns their ids */
  async storeAll(type: ChunkType, plaintexts: Buffer[]): Promise<Buffer[]> {
    if (plaintexts.length === 0) return [];
    const ids = this.clock.time('hash', () => plaintexts.map((plaintext) => this.id(type, plaintext)));
    const verdicts = await this.#main.call('askChunks', ownBuffer(Buffer.concat(ids)));
    for (const [i, plaintext] of plaintexts.entries()) {
      if (verdicts[i] === VERDICT.send) await this.#send(type, ids[i] as Buffer, plaintext, NO_MEMBERS);
    }
    return ids;
  }

  /** Whether the target still has chunks of an earlier run. */
  askKnown(ids: Buffer[]): Promise<Uint8Array> {
    return this.#main.call('askChunks', ownBuffer(Buffer.concat(ids)));
  }

  /** Sends a chunk that the target has lost. @throws Failure `changes-missed` */
  async sendKnown(id: Buffer, plaintext: Buffer): Promise<void> {
    if (!this.id(CHUNK_TYPE.data, plaintext).equals(id)) {
      throw fail('changes-missed', 'A block of a disk has changed, and its machine did not tell.');
    }
    await this.#send(CHUNK_TYPE.data, id, plaintext, NO_MEMBERS);
  }

  /** Sends a bundle of small files, whose members the target was asked for before. */
  async sendBundle(plaintext: Buffer, members: Buffer): Promise<void> {
    const id = this.clock.time('hash', () => this.id(CHUNK_TYPE.bundle, plaintext));
    await this.#send(CHUNK_TYPE.bundle, id, plaintext, members);
  }

  askMembers(ids: Buffer): Promise<Uint8Array> {
    return this.#main.call('askMembers', ownBuffer(ids));
  }

  countRead(bytes: number): void {
    this.#main.call('read', bytes).catch(() => {});
  }

  /** Resolves when there is room for the next chunk, not when this one has been taken. */
  async #send(type: ChunkType, id: Buffer, plaintext: Buffer, members: Buffer): Promise<void> {
    const body = this.#seal(type, id, plaintext);
    // The body is empty here once it has changed hands.
    const { length } = body;
    await this.#handedOver.take(length);
    this.#main
      .call('put', { type, id: ownBuffer(id), members: ownBuffer(members), body, plaintextLength: plaintext.length }, [
        body.buffer as ArrayBuffer,
      ])
      .catch(() => {
        // The run has failed; the main thread knows.
      })
      .finally(() => this.#handedOver.give(length));
  }

  #seal(type: ChunkType, id: Buffer, plaintext: Buffer): Buffer {
    const { run, compression } = this.#settings;
    const { codec, bytes: compressed } = this.clock.time('compress', () => compress(plaintext, compression));
    const part = { codec, plaintextLength: plaintext.length, compressed };
    const body =
      run === undefined
        ? encodeInner({ ...part, padding: 'none' })
        : this.clock.time('encrypt', () => sealChunk(run, { type, id, ...part }));
    // What was stored as it is still belongs to the slab it was read into.
    if (codec !== CODEC.stored) releaseMemory(compressed);
    return ownBuffer(body);
  }
}
