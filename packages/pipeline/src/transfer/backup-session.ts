import type { RunRecord } from '@sealift/crypto';
import {
  type Committed,
  decodeAck,
  decodeAnswer,
  decodeCommitted,
  decodePoint,
  decodeRuns,
  encodeAsk,
  encodeCommit,
  encodeReadPoint,
  encodeReferences,
  encodeReferencesEnd,
  MESSAGE,
  type Opened,
  type Presence,
} from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Outgoing, Traffic } from './reconnecting-link.ts';
import { type SealedPart, SendWindow } from './send-window.ts';
import { Wake } from './wake.ts';

/** Bytes under way without acknowledgement that a source keeps in memory. */
export const SOURCE_WINDOW = 12 * 1024 * 1024;

/** What a recovery point refers to, in order. */
export interface References {
  /** Ids, end to end, at most 32,768 at a time. */
  batches(): AsyncGenerator<Buffer, void, undefined>;
  /** Count and SHA-256 over all ids. */
  summary(): Promise<{ count: number; hash: Buffer }>;
}

interface PendingAsk {
  ids: Buffer;
  answer: PromiseWithResolvers<Presence[]>;
}

interface PendingCommit {
  references: References;
  manifest: (runs: RunRecord[]) => Buffer;
  done: PromiseWithResolvers<Committed>;
  /** What is still to be sent on the present link. */
  outgoing: AsyncGenerator<Outgoing, void, undefined>;
}

/** The source's end of a backup: questions, chunks and the commit, kept until answered whatever happens to the link. */
export class BackupSession implements Traffic {
  readonly work = new Wake();
  finished = false;
  readonly #window = new SendWindow(SOURCE_WINDOW);
  readonly #asks = new Map<number, PendingAsk>();
  #unsentAsks: number[] = [];
  #lastRequest = 0;
  #commit: PendingCommit | undefined;
  #earlierPoint: { id: string; sent: boolean; manifest: PromiseWithResolvers<Buffer> } | undefined;
  readonly #opened = Promise.withResolvers<Opened>();
  readonly #over = new AbortController();

  constructor() {
    this.#opened.promise.catch(() => {});
  }

  /** What the target said when the first link was opened. */
  opened(): Promise<Opened> {
    return this.#opened.promise;
  }

  get unacknowledgedBytes(): number {
    return this.#window.bytes;
  }

  /** Asks which ids (n * 32 bytes) the target has. */
  ask(ids: Buffer): Promise<Presence[]> {
    this.#over.signal.throwIfAborted();
    const request = ++this.#lastRequest;
    const answer = Promise.withResolvers<Presence[]>();
    this.#asks.set(request, { ids, answer });
    this.#unsentAsks.push(request);
    this.work.wake();
    return answer.promise;
  }

  /** Hands a chunk over; resolves when it fits into the window, not when it is durable. */
  async put(chunk: SealedPart): Promise<void> {
    await this.#window.accept(chunk, this.#over.signal);
    this.work.wake();
  }

  /**
   * Commits the recovery point once everything put is durable.
   *
   * @param manifest makes the manifest file from the runs under which referenced chunks are sealed
   * @throws Failure `chunks-missing`, if the target lacks a referenced chunk
   */
  async commit(references: References, manifest: (runs: RunRecord[]) => Buffer): Promise<Committed> {
    await this.drained();
    const done = Promise.withResolvers<Committed>();
    this.#commit = { references, manifest, done, outgoing: sendReferences(references) };
    this.work.wake();
    return done.promise;
  }

  /** Resolves when everything put is durable at the target. */
  async drained(): Promise<void> {
    await this.#window.drained(this.#over.signal);
  }

  /** The manifest file of a point committed by an earlier attempt of the same run. */
  readEarlierPoint(id: string): Promise<Buffer> {
    this.#over.signal.throwIfAborted();
    const manifest = Promise.withResolvers<Buffer>();
    this.#earlierPoint = { id, sent: false, manifest };
    this.work.wake();
    return manifest.promise;
  }

  /** Ends the session; the link closes when this is noticed. */
  finish(): void {
    this.finished = true;
    this.work.wake();
  }

  /** Everybody who waits for the target learns why it will not answer. */
  fail(error: unknown): void {
    this.#over.abort(error);
    this.#opened.reject(error);
    this.#commit?.done.reject(error);
    this.#earlierPoint?.manifest.reject(error);
    for (const { answer } of this.#asks.values()) answer.reject(error);
  }

  restart(opened: Opened): void {
    this.#window.restart();
    this.#unsentAsks = [...this.#asks.keys()];
    if (this.#earlierPoint !== undefined) this.#earlierPoint.sent = false;
    if (this.#commit !== undefined) this.#restartCommit(this.#commit, opened);
    this.#opened.resolve(opened);
  }

  async next(): Promise<Outgoing | undefined> {
    const request = this.#unsentAsks.shift();
    const ask = request === undefined ? undefined : this.#asks.get(request);
    if (request !== undefined && ask !== undefined) {
      return { kind: MESSAGE.ask, parts: encodeAsk({ request, ids: ask.ids }) };
    }
    const point = this.#earlierPoint;
    if (point !== undefined && !point.sent) {
      point.sent = true;
      return { kind: MESSAGE.readPoint, parts: encodeReadPoint(point.id) };
    }
    return this.#window.next() ?? (await this.#nextOfCommit());
  }

  receive(kind: number, payload: Buffer): void {
    if (kind === MESSAGE.answer) this.#answered(payload);
    else if (kind === MESSAGE.ack) this.#window.acknowledge(decodeAck(payload));
    else if (kind === MESSAGE.runs) this.#referencesChecked(payload);
    else if (kind === MESSAGE.committed) this.#committed(decodeCommitted(payload));
    else if (kind === MESSAGE.point) this.#earlierPoint?.manifest.resolve(decodePoint(payload));
    else throw fail('protocol-violation', `The target sent message ${kind}, which has no place in a backup.`);
  }

  #answered(payload: Buffer): void {
    const { request, answers } = decodeAnswer(payload);
    const ask = this.#asks.get(request);
    if (ask === undefined || answers.length !== ask.ids.length / 32) {
      throw fail('protocol-violation', 'The target answered a question that was not asked.');
    }
    this.#asks.delete(request);
    ask.answer.resolve(answers);
  }

  #referencesChecked(payload: Buffer): void {
    const { runs, missing } = decodeRuns(payload);
    const commit = this.#commit;
    if (commit === undefined) throw fail('protocol-violation', 'The target sent RUNS before the references.');
    if (missing > 0) {
      commit.done.reject(fail('chunks-missing', `The target lacks ${missing} chunks that this recovery point needs.`));
    } else {
      commit.outgoing = sendManifest(commit.manifest(runs));
      this.work.wake();
    }
  }

  #committed(committed: Committed): void {
    this.#commit?.done.resolve(committed);
    this.#commit = undefined;
  }

  /** The link was lost between COMMIT and COMMITTED, or before: the target's word on it decides. */
  #restartCommit(commit: PendingCommit, opened: Opened): void {
    if (opened.committed === undefined) {
      commit.outgoing = sendReferences(commit.references);
    } else {
      commit.done.resolve({ pointId: '', hash: opened.committed, receivedAt: Date.now() });
      this.#commit = undefined;
    }
  }

  async #nextOfCommit(): Promise<Outgoing | undefined> {
    return (await this.#commit?.outgoing.next())?.value ?? undefined;
  }
}

async function* sendReferences(references: References): AsyncGenerator<Outgoing, void, undefined> {
  for await (const ids of references.batches()) yield { kind: MESSAGE.references, parts: encodeReferences(ids) };
  yield { kind: MESSAGE.referencesEnd, parts: encodeReferencesEnd(await references.summary()) };
}

async function* sendManifest(manifest: Buffer): AsyncGenerator<Outgoing, void, undefined> {
  yield { kind: MESSAGE.commit, parts: encodeCommit(manifest) };
}
