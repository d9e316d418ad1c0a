import { type ByteCredit, type Failure, toFailure } from '@sealift/core';
import type { Segment, TreeEntry } from '@sealift/repository';
import type { ProgressMeter } from '../progress.ts';
import { ownBuffer, transferable } from '../threads/channel.ts';
import type { PointSource } from '../transfer/point-source.ts';
import type { TreeReader } from '../tree/tree-reader.ts';
import { packEntries } from './entry-packing.ts';
import type { MemberFile, RestoreUnit } from './plan-restore.ts';
import type { OpenedOutput, RestorePool, StoredPiece } from './restore-messages.ts';

/** What a bundle is taken to weigh before it is there. */
const BUNDLE_WEIGHT = 2 * 1024 * 1024;

/** Fetches what files are made of, in order and ahead, and has the workers open and write it. */
export class FileRestorer {
  readonly #source: PointSource;
  readonly #tree: TreeReader;
  readonly #pool: RestorePool;
  readonly #fetched: ByteCredit;
  readonly #meter: ProgressMeter;
  readonly #signal: AbortSignal;
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
    await Promise.all([...byBundle(unit.members)].map((files) => this.#restoreMembers(files)));
    for (const entry of unit.large) await this.#restoreLarge(entry);
  }

  async #restoreMembers(files: MemberFile[]): Promise<void> {
    const id = (files[0] as MemberFile).bundle;
    await this.#fetched.take(BUNDLE_WEIGHT, this.#signal);
    try {
      const bundle = await this.#fetch(id);
      const entries = files.map(({ entry }) => entry);
      const work = { entries: packEntries(entries), ordinals: files.map(({ ordinal }) => ordinal), bundle };
      this.#meter.add('files', await this.#pool.call('bundle', work, [bundle.body.buffer as ArrayBuffer]));
      this.#meter.add(
        'bytesRead',
        entries.reduce((sum, { size }) => sum + size, 0),
      );
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
