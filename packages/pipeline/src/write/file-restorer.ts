import { type ByteCredit, type Failure, orderedParallel, toFailure } from '@sealift/core';
import type { Segment, TreeEntry } from '@sealift/repository';
import type { ProgressMeter } from '../progress.ts';
import { ownBuffer, transferable } from '../threads/channel.ts';
import type { PointSource } from '../transfer/point-source.ts';
import type { TreeReader } from '../tree/tree-reader.ts';
import { packEntries } from './entry-packing.ts';
import type { MemberFile, RestoreUnit } from './plan-restore.ts';
import { type OpenedOutput, type RestorePool, type StoredPiece, TWIN } from './restore-messages.ts';
import { RestoredMembers, type Twin } from './restored-members.ts';

/** What a bundle is taken to weigh before it is there. */
const BUNDLE_WEIGHT = 2 * 1024 * 1024;
/** Large files of a unit that are open at a time: with one, each would wait for its first chunk to come. */
const LARGE_UNDER_WAY = 8;
const TWINS_TOGETHER = 64;

/** Fetches what files are made of, in order and ahead, and has the workers open and write it. */
export class FileRestorer {
  readonly #source: PointSource;
  readonly #tree: TreeReader;
  readonly #pool: RestorePool;
  readonly #fetched: ByteCredit;
  readonly #meter: ProgressMeter;
  readonly #signal: AbortSignal;
  readonly #written = new RestoredMembers();
  #lastOpener = 0;

  /** @param fetched bounds the stored bytes that are on their way or not yet written, over all files */
  constructor(
    source: PointSource,
    tree: TreeReader,
    pool: RestorePool,
    fetched: ByteCredit,
    meter: ProgressMeter,
    signal: AbortSignal,
  ) {
    this.#source = source;
    this.#tree = tree;
    this.#pool = pool;
    this.#fetched = fetched;
    this.#meter = meter;
    this.#signal = signal;
  }

  /** Restores the files of a unit; folders above them are there. */
  async restore(unit: RestoreUnit): Promise<void> {
    if (unit.empty.length > 0) this.#meter.add('files', await this.#pool.call('empty', packEntries(unit.empty)));
    const { twins, others } = this.#written.split(unit.members);
    const unlike = this.#restoreTwins(twins);
    await Promise.all([this.#restoreAll(others), unlike.then((files) => this.#restoreAll(files))]);
    const large = orderedParallel(unit.large, LARGE_UNDER_WAY, (entry) => this.#restoreLarge(entry));
    for await (const _ of large) this.#signal.throwIfAborted();
  }

  async #restoreAll(files: MemberFile[]): Promise<void> {
    await Promise.all([...byBundle(files)].map((ofBundle) => this.#restoreMembers(ofBundle)));
  }

  /** @returns files whose twin is no longer what it was, so that their contents have to be fetched */
  async #restoreTwins(twins: Twin[]): Promise<MemberFile[]> {
    const parts = Array.from({ length: Math.ceil(twins.length / TWINS_TOGETHER) }, (_, i) =>
      twins.slice(i * TWINS_TOGETHER, (i + 1) * TWINS_TOGETHER),
    );
    return (await Promise.all(parts.map((part) => this.#restoreSomeTwins(part)))).flat();
  }

  async #restoreSomeTwins(twins: Twin[]): Promise<MemberFile[]> {
    const outcomes = await this.#pool.call('twins', {
      entries: packEntries(twins.map(({ file }) => file.entry)),
      paths: twins.map(({ path }) => ownBuffer(path)),
      ids: ownBuffer(Buffer.concat(twins.map(({ id }) => id))),
    });
    const withOutcome = (wanted: number) => twins.filter((_, i) => outcomes[i] === wanted).map(({ file }) => file);
    const restored = withOutcome(TWIN.restored);
    this.#count([...restored, ...withOutcome(TWIN.refused)], restored.length);
    return withOutcome(TWIN.unlike);
  }

  /** @param files that are done with, of which so many are `restored` */
  #count(files: MemberFile[], restored: number): void {
    this.#meter.add('files', restored);
    const bytes = files.reduce((sum, { entry }) => sum + entry.size, 0);
    this.#meter.add('bytesRead', bytes);
  }

  async #restoreMembers(files: MemberFile[]): Promise<void> {
    const id = (files[0] as MemberFile).bundle;
    await this.#fetched.take(BUNDLE_WEIGHT, this.#signal);
    try {
      const bundle = await this.#fetch(id);
      const entries = files.map(({ entry }) => entry);
      const work = { entries: packEntries(entries), ordinals: files.map(({ ordinal }) => ordinal), bundle };
      const { restored, ids } = await this.#pool.call('bundle', work, [bundle.body.buffer as ArrayBuffer]);
      for (const [i, file] of files.entries()) {
        if (restored[i] === 1) this.#written.add(file, ids.subarray(i * 32, i * 32 + 32));
      }
      this.#count(files, restored.filter((one) => one === 1).length);
    } catch (thrown) {
      const { code, message } = damageOrThrow(thrown);
      for (const { entry } of files) this.#meter.warn({ path: entry.path, code, message });
    } finally {
      this.#fetched.give(BUNDLE_WEIGHT);
    }
  }

  async #restoreLarge(entry: TreeEntry): Promise<void> {
    const opener = this.#pool.member(this.#lastOpener++);
    const output = await opener.call('open', packEntries([entry]));
    if (output === undefined) return;
    let whole = false;
    try {
      await this.#writePieces(entry, output, opener);
      whole = true;
    } catch (thrown) {
      const { code, message } = damageOrThrow(thrown);
      this.#meter.warn({ path: entry.path, code, message });
    } finally {
      const finished = whole ? await opener.call('finish', output.fd) : undefined;
      if (!whole) await opener.call('discard', output.fd);
      if (finished) this.#meter.add('files', 1);
    }
  }

  /** Pieces are written as they arrive; all of them are done, or one has failed, when this ends. */
  async #writePieces(entry: TreeEntry, output: OpenedOutput, opener: ReturnType<RestorePool['member']>): Promise<void> {
    const writing = new Set<Promise<void>>();
    let failed: { thrown: unknown } | undefined;
    let offset = 0;
    try {
      for await (const segment of this.#segmentsOf(entry)) {
        if (failed !== undefined) break;
        if (segment.kind === 'hole') {
          await opener.call('hole', { fd: output.fd, offset, length: segment.length });
          this.#meter.add('bytesRead', segment.length);
        } else {
          await this.#fetched.take(segment.length, this.#signal);
          const piece = this.#writePiece(entry, output, offset, segment)
            .catch((thrown: unknown) => {
              failed ??= { thrown };
            })
            .finally(() => {
              this.#fetched.give(segment.length);
              writing.delete(piece);
            });
          writing.add(piece);
        }
        offset += segment.length;
      }
    } finally {
      await Promise.all(writing);
    }
    if (failed !== undefined) throw failed.thrown;
  }

  async #writePiece(
    entry: TreeEntry,
    { fd, sparse }: OpenedOutput,
    offset: number,
    segment: Exclude<Segment, { kind: 'hole' }>,
  ): Promise<void> {
    if (segment.kind === 'member') throw new Error('a file of several segments has a bundle member among them');
    const piece = await this.#fetch(segment.id);
    const work = { fd, sparse, disk: entry.disk === true, offset, piece };
    await this.#pool.call('write', work, [piece.body.buffer as ArrayBuffer]);
    this.#meter.add('bytesRead', segment.length);
  }

  async *#segmentsOf({ content }: TreeEntry): AsyncGenerator<Segment, void, undefined> {
    if (content === undefined) return;
    if ('inline' in content) yield* content.inline;
    else yield* this.#tree.segments(content.pages);
  }

  async #fetch(id: Buffer): Promise<StoredPiece> {
    const { type, body } = await this.#source.fetch(id);
    return { id: ownBuffer(Buffer.from(id)), type, body: transferable(body) };
  }
}

function byBundle(files: MemberFile[]): Iterable<MemberFile[]> {
  return Map.groupBy(files, ({ bundle }) => bundle.toString('latin1')).values();
}

/** Damage costs the files it is in; anything else ends the restore. */
function damageOrThrow(thrown: unknown): Failure {
  const failure = toFailure(thrown);
  if (failure.kind !== 'corrupt') throw failure;
  return failure;
}
