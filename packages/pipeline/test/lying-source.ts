import { createHash, randomUUID } from 'node:crypto';
import { type Failure, failureFromRecord } from '@sealift/core';
import type { ChunkType, RunKey } from '@sealift/crypto';
import type { Manifest, ProtectionMode } from '@sealift/repository';
import {
  decodeAck,
  decodeOpened,
  decodeRefused,
  decodeRuns,
  encodeChunk,
  encodeOpen,
  encodeReferences,
  encodeReferencesEnd,
  type Link,
  MESSAGE,
  type Open,
  type Opened,
} from '@sealift/wire';
import type { Pair } from './pair.ts';

const NO_MEMBERS = Buffer.alloc(0);

/** A source that says whatever a test wants, over a link that is admitted by a real ticket. */
export class Liar implements AsyncDisposable {
  readonly runId: string;
  readonly #both: Pair;
  readonly #link: Link;
  readonly #replies: AsyncIterator<{ kind: number; payload: Buffer }>;
  opened: Opened | undefined;
  #sequence = 0;

  constructor(both: Pair, link: Link, runId: string) {
    this.runId = runId;
    this.#both = both;
    this.#link = link;
    this.#replies = link.messages()[Symbol.asyncIterator]();
  }

  static async open(both: Pair, mode: ProtectionMode, run?: RunKey): Promise<Liar> {
    const runId = randomUUID();
    const liar = new Liar(both, await both.linkFor(['append'], runId, mode), runId);
    const { jobId, repository } = both;
    const record = run && { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment };
    const open = { purpose: 'backup', runId, jobId, repositoryId: repository.id } as const;
    await liar.#open(record === undefined ? open : { ...open, run: record });
    return liar;
  }

  /** With a ticket to read what the present job of the pair has. */
  static async openToRead(both: Pair, mode: ProtectionMode): Promise<Liar> {
    const runId = randomUUID();
    const liar = new Liar(both, await both.linkFor(['read'], runId, mode), runId);
    await liar.#open({ purpose: 'restore', runId, jobId: both.jobId, repositoryId: both.repository.id });
    return liar;
  }

  async #open(open: Open): Promise<void> {
    await this.say(MESSAGE.open, encodeOpen(open));
    const answer = await this.hear();
    if (answer.kind !== MESSAGE.opened) throw new Error(`message ${answer.kind}`);
    this.opened = decodeOpened(answer.payload);
  }

  say(kind: number, parts: Buffer[]): Promise<void> {
    return this.#link.send(kind, parts);
  }

  async hear(): Promise<{ kind: number; payload: Buffer }> {
    const { done, value } = await this.#replies.next();
    if (done === true) throw new Error('the target has ended');
    return value;
  }

  async chunk(type: ChunkType, id: Buffer, body: Buffer, members = NO_MEMBERS): Promise<void> {
    await this.say(MESSAGE.chunk, encodeChunk({ sequence: ++this.#sequence, type, id, members, body }));
  }

  /** Resolves when the target says that everything up to the last chunk is durable. */
  async acknowledged(): Promise<void> {
    for (;;) {
      const { kind, payload } = await this.hear();
      if (kind === MESSAGE.refused) throw failureFromRecord(decodeRefused(payload));
      if (kind === MESSAGE.ack && decodeAck(payload) === this.#sequence) return;
    }
  }

  /** What the target refuses this with. */
  async refusal(): Promise<Failure> {
    for (;;) {
      const { kind, payload } = await this.hear();
      if (kind === MESSAGE.refused) return failureFromRecord(decodeRefused(payload));
    }
  }

  async references(ids: Buffer): Promise<{ missing: number }> {
    await this.say(MESSAGE.references, encodeReferences(ids));
    const hash = createHash('sha256').update(ids).digest();
    await this.say(MESSAGE.referencesEnd, encodeReferencesEnd({ count: ids.length / 32, hash }));
    for (;;) {
      const { kind, payload } = await this.hear();
      if (kind === MESSAGE.refused) throw failureFromRecord(decodeRefused(payload));
      if (kind === MESSAGE.runs) return decodeRuns(payload);
    }
  }

  manifest(ids: Buffer, more: Partial<Manifest>): Manifest {
    const hash = createHash('sha256').update(ids).digest();
    return {
      version: 1,
      pointId: this.runId,
      createdAt: Date.now(),
      mode: 'in-flight',
      zone: (this.opened as Opened).zone,
      jobId: this.#both.jobId,
      sourceId: this.#both.sourceId,
      sequence: 1,
      runs: [],
      references: { count: ids.length / 32, hash },
      body: ids.subarray(0, 32),
      ...more,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}
