import { ByteCredit, type Failure, toFailure } from '@sealift/core';
import type { ChunkType, RunKey, RunRecord } from '@sealift/crypto';
import { fail } from './failures.ts';
import { ID_LENGTH } from './format/limits.ts';
import type { PackEntry } from './format/pack-footer.ts';
import { encodeRecordHeader, recordLength } from './format/pack-record.ts';
import type { PackTable } from './index/pack-table.ts';
import { PACK_TARGET, PackFile, type RecordToWrite } from './pack-file.ts';
import type { SessionHandle } from './sessions.ts';
import type { Packing, Store } from './store/store.ts';

export interface ChunkToStore {
  id: Buffer;
  type: ChunkType;
  body: Buffer;
  /** SHA-256 of the body. */
  checksum: Buffer;
  /** Ids of the members, in order; bundles only. */
  members?: Buffer[];
}

/** The chunks of one session on their way into packs. */
export interface ChunkWriter extends AsyncDisposable {
  /** Encrypted at rest: bodies that are put must be sealed under this key, by `sealInner`. */
  readonly sealUnder: RunKey | undefined;
  /** Resolves when the chunk is durable. A chunk that is there already is not stored again. */
  put(chunk: ChunkToStore): Promise<void>;
  /** Writes what is waiting and finishes the pack. */
  close(): Promise<void>;
}

/** What a writer shares with the others of its repository. */
export interface WriterHost {
  store: Store;
  table: PackTable;
  /** Chunks on their way to the disk, by zone and id, so that two sessions do not store the same one. */
  pending: Map<string, Promise<void>>;
  /** Throws when the lease was lost, so that this program may write no more. */
  assertLeaseHeld(): void;
  /** The same, after asking the store. */
  confirmLease(): Promise<void>;
  onPackFinished(length: number): void;
  onClosed(writer: ChunkWriter): void;
}

interface WaitingRecord extends RecordToWrite {
  resolve: () => void;
  reject: (failure: Failure) => void;
}

interface Session {
  zone: Buffer;
  run?: RunRecord | undefined;
}

interface WrittenGroup {
  /** Of the pack. */
  number: number;
  entries: PackEntry[];
  /** Of the pack if it is finished, else 0. */
  length: number;
}

/** A pack that groups are added to. */
interface OpenPack {
  file: PackFile;
  /** In the table. */
  number: number;
}

/**
 * Group commit: puts are gathered, written with one vectored write and one sync, then acknowledged together. While
 * groups are written or synced, others follow, and the next one gathers; a pack that is long enough is finished beside
 * them. Where files do not grow durably, each group is a pack of its own.
 */
export class GroupWriter implements ChunkWriter {
  readonly sealUnder: RunKey | undefined;
  readonly #host: WriterHost;
  readonly #session: { zone: Buffer; run?: RunRecord };
  readonly #handle: SessionHandle;
  readonly #zoneKey: string;
  readonly #packing: Packing;
  readonly #credit: ByteCredit;
  #waiting: WaitingRecord[] = [];
  #waitingBytes = 0;
  #firstWaiting = 0;
  #lastAdded = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #writing = new Set<Promise<void>>();
  #pack: Promise<OpenPack> | undefined;
  /** Bytes of all groups given to `#pack`. */
  #packBytes = 0;
  readonly #finishing = new Set<Promise<void>>();
  #failure: Failure | undefined;
  /** Puts not answered yet, those waiting for credit included. */
  readonly #unanswered = new Set<Promise<void>>();
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(host: WriterHost, session: Session, handle: SessionHandle, sealUnder?: RunKey) {
    this.sealUnder = sealUnder;
    this.#host = host;
    this.#handle = handle;
    this.#session = publicSession(session);
    this.#zoneKey = session.zone.toString('hex');
    this.#packing = host.store.packing;
    this.#credit = new ByteCredit(this.#packing.waiting);
  }

  put(chunk: ChunkToStore): Promise<void> {
    const refusal = this.#refusal(chunk);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#host.table.use(this.#session.zone, chunk.id) !== undefined) return Promise.resolve();
    const key = `${this.#zoneKey}${chunk.id.toString('latin1')}`;
    const pending = this.#host.pending.get(key);
    // If the session that is storing it fails, this one stores it itself.
    if (pending !== undefined) return pending.catch(() => this.put(chunk));
    const stored = this.#store(chunk).finally(() => {
      this.#host.pending.delete(key);
      this.#unanswered.delete(stored);
    });
    this.#host.pending.set(key, stored);
    this.#unanswered.add(stored);
    return stored;
  }

  close(): Promise<void> {
    this.#ended = true;
    this.#closing ??= this.#finish().finally(() => {
      this.#handle.end();
      this.#host.onClosed(this);
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refusal(chunk: ChunkToStore): Failure | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#ended) return fail('repository-closed', 'A chunk came after the end of its session.');
    if (chunk.id.length !== ID_LENGTH) return fail('chunk-refused', `A chunk id has ${chunk.id.length} bytes.`);
    return undefined;
  }

  async #store(chunk: ChunkToStore): Promise<void> {
    const record = recordOf(chunk);
    await this.#credit.take(record.length);
    try {
      if (this.#failure !== undefined) throw this.#failure;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#add({ ...record, resolve, reject });
      await promise;
    } finally {
      this.#credit.give(record.length);
    }
  }

  #add(record: WaitingRecord): void {
    this.#lastAdded = performance.now();
    if (this.#waiting.length === 0) this.#firstWaiting = this.#lastAdded;
    this.#waiting.push(record);
    this.#waitingBytes += record.length;
    this.#schedule();
  }

  /** One of these holds while records wait: as many groups as may are being written, a timer runs, or one begins here. */
  #schedule(): void {
    if (this.#writing.size >= this.#packing.parallel || this.#waiting.length === 0) return;
    const { group, idle, longestWait } = this.#packing;
    const now = performance.now();
    const ready = now - this.#lastAdded >= idle || now - this.#firstWaiting >= longestWait;
    if (this.#waitingBytes >= group || ready || this.#ended) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      const writing = this.#writeGroup().finally(() => {
        this.#writing.delete(writing);
        this.#schedule();
      });
      this.#writing.add(writing);
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#schedule();
      }, idle);
    }
  }

  /** Never fails: what goes wrong is told to the puts of the group. */
  async #writeGroup(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#commit(group);
      for (const record of group) record.resolve();
    } catch (thrown) {
      this.#failure = toFailure(thrown);
      for (const record of group) record.reject(this.#failure);
    }
  }

  async #commit(group: readonly WaitingRecord[]): Promise<void> {
    await this.#handle.recorded;
    const { number, entries, length } = this.#packing.growsDurably
      ? await this.#append(group)
      : await this.#writePack(group);
    this.#host.assertLeaseHeld();
    const { table } = this.#host;
    for (const entry of entries) table.addStored(this.#session.zone, number, entry);
    if (length > 0) table.pack(number).length = length;
  }

  async #append(group: readonly WaitingRecord[]): Promise<WrittenGroup> {
    this.#pack ??= this.#beginPack();
    const beginning = this.#pack;
    this.#packBytes += group.reduce((sum, { length }) => sum + length, 0);
    const full = this.#packBytes >= PACK_TARGET;
    if (full) this.#pack = undefined;
    const { file, number } = await beginning;
    const adding = file.add(group);
    if (full) this.#finishBeside({ file, number });
    return { number, entries: await adding, length: 0 };
  }

  async #beginPack(): Promise<OpenPack> {
    const { table, store } = this.#host;
    this.#packBytes = 0;
    const file = await PackFile.begin(store, this.#session);
    return { file, number: table.addPack(file.header, file.name) };
  }

  #finishBeside(pack: OpenPack): void {
    const finishing = this.#finishPack(pack)
      .catch(() => {})
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** A pack that is published although the lease was lost does no harm: nothing in it was acknowledged. */
  async #writePack(group: readonly WaitingRecord[]): Promise<WrittenGroup> {
    const { table, store, onPackFinished } = this.#host;
    const pack = await PackFile.begin(store, this.#session);
    try {
      const entries = await pack.add(group);
      const name = await pack.finish();
      onPackFinished(pack.length);
      return { number: table.addPack(pack.header, name), entries, length: pack.length };
    } finally {
      await pack.close();
    }
  }

  /** What was added is durable, and so in the table, before the pack moves to its final name. */
  async #finishPack({ file, number }: OpenPack): Promise<void> {
    await file.settled();
    const indexed = this.#host.table.pack(number);
    const publishing = this.#publish(file).finally(() => {
      indexed.name = file.name;
      indexed.length = file.length;
    });
    indexed.moving = publishing.catch(() => {});
    try {
      await publishing;
    } catch (thrown) {
      this.#failure ??= toFailure(thrown);
      throw this.#failure;
    }
  }

  /** On failure the pack stays where it is, readable, for the next opening to salvage. */
  async #publish(pack: PackFile): Promise<void> {
    if (pack.isEmpty) return await pack.discard();
    try {
      await this.#host.confirmLease();
      await pack.finish();
      this.#host.onPackFinished(pack.length);
    } finally {
      await pack.close();
    }
  }

  /** A failure that a put has reported already is not reported again. */
  async #finish(): Promise<void> {
    this.#schedule();
    await Promise.allSettled(this.#unanswered);
    while (this.#writing.size > 0) await Promise.all(this.#writing);
    await Promise.all(this.#finishing);
    const reported = this.#failure !== undefined;
    // A pack that could not be begun has failed the puts that were to go into it.
    const pack = await this.#pack?.catch(() => undefined);
    if (pack === undefined) return;
    await this.#finishPack(pack).catch((thrown) => {
      if (!reported) throw thrown;
    });
  }
}

/** Only the public part of a run is kept, even if the caller's object carries its key. */
function publicSession({ zone, run }: Session): { zone: Buffer; run?: RunRecord } {
  if (run === undefined) return { zone };
  return { zone, run: { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment } };
}

function recordOf(chunk: ChunkToStore): RecordToWrite {
  const members = Buffer.concat(chunk.members ?? []);
  const { id, type, checksum, body } = chunk;
  const head = { id, type, checksum, memberCount: members.length / ID_LENGTH, bodyLength: body.length };
  const header = encodeRecordHeader(head, members);
  return { entry: { id, type, checksum, members }, parts: [header, members, body], length: recordLength(head) };
}
