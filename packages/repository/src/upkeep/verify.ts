import { type Failure, toFailure } from '@sealift/core';
import type { ChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { isPackName, PACKS_FOLDER, SPARE_CONFIG_NAME } from '../layout.ts';
import { CONFIG_COPIES, isSameConfig, readConfigCopy } from '../read-config.ts';
import { type AffectedPoint, checkPoints } from './check-points.ts';
import { checkSmallFiles } from './check-small-files.ts';
import { type ChosenPack, choosePacks, type PackChoice } from './choose-packs.ts';
import { ChunkSet } from './chunk-set.ts';
import type { UpkeepHost } from './host.ts';
import { Pace } from './pace.ts';
import { PackHistory } from './pack-history.ts';
import { type PackVerdict, type ProveChunk, readPack } from './read-pack.ts';
import { StoredNames } from './stored-names.ts';

/** What was read is written down at least this often, ms. */
const SAVE_EVERY = 60_000;

export interface VerifyOptions extends PackChoice {
  /** Packs that were read at this time (ms since 1970) or later, without a flaw, need not be read again. */
  since?: number;
  bytesPerSecond?: number;
  /** Makes ids of in-flight chunks again from their contents; a repository that is encrypted at rest must be unlocked for it. */
  prove?: ProveChunk;
  /** Told of each thing that is damaged, with the file of the repository it is in. */
  onFlaw?: (file: string, failure: Failure) => void;
  onAffected?: (point: AffectedPoint) => void;
  onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  packs: number;
  chunks: number;
  points: number;
  flaws: number;
  /** Of packs. */
  bytesRead: number;
  bytesTotal: number;
}

export interface Verification {
  packs: number;
  packsRead: number;
  chunksRead: number;
  bytesRead: number;
  points: number;
  /** Chunks whose id was made again from their contents. */
  idsProven: number;
  /** Every pack was read at this time (ms since 1970) or later; absent while one never was. */
  verifiedSince?: number;
  flaws: number;
  /** Chunks in the index of which no whole record was found. */
  damagedChunks: number;
  /** Chunks that points refer to and that are in no pack. */
  missingChunks: number;
  affectedPoints: number;
}

/** Reads a repository, or a part of its packs, and compares everything with its checksums. Changes nothing but a cache. */
export async function verifyRepository(
  host: UpkeepHost,
  options: VerifyOptions,
  signal?: AbortSignal,
): Promise<Verification> {
  const history = await PackHistory.load(host.store);
  const verifier = new Verifier(host, options, history, signal);
  try {
    return await verifier.run();
  } finally {
    // After a lost lease or on a full disk the next verification begins where this one did.
    if (!host.readOnly) await history.save().catch(() => {});
  }
}

class Verifier {
  readonly #host: UpkeepHost;
  readonly #options: VerifyOptions;
  readonly #history: PackHistory;
  readonly #signal: AbortSignal | undefined;
  readonly #pace: Pace;
  readonly #flawed = new Map<string, PackVerdict['whole']>();
  readonly #lost = new ChunkSet();
  readonly #missing = new ChunkSet();
  /** Packs the index knew at the beginning. */
  #expected: ReadonlySet<string> = new Set();
  readonly #progress: VerifyProgress = { packs: 0, chunks: 0, points: 0, flaws: 0, bytesRead: 0, bytesTotal: 0 };
  #proven = 0;
  #affected = 0;
  #savedAt = performance.now();

  constructor(host: UpkeepHost, options: VerifyOptions, history: PackHistory, signal: AbortSignal | undefined) {
    this.#host = host;
    this.#options = options;
    this.#history = history;
    this.#signal = signal;
    this.#pace = new Pace(options.bytesPerSecond);
  }

  async run(): Promise<Verification> {
    const { store, table } = this.#host;
    const stored = await StoredNames.of(store, PACKS_FOLDER);
    this.#expected = new Set(table.packNames());
    const names = [...new Set([...stored.all(), ...this.#expected])].filter(isPackName);
    const now = Date.now();
    this.#history.keep(names, now);
    const chosen = await choosePacks(store, this.#unread(names), this.#history, { ...this.#options, now });
    this.#progress.bytesTotal = chosen.reduce((sum, { length }) => sum + length, 0);
    await this.#checkConfig();
    for (const pack of chosen) await this.#checkPack(pack, stored);
    await checkSmallFiles(this.#host, (file, failure) => this.#flaw(file, failure), this.#signal);
    this.#gatherLost();
    await this.#checkPoints();
    return this.#result(names.length, chosen.length);
  }

  #unread(names: readonly string[]): string[] {
    const { since } = this.#options;
    if (since === undefined) return [...names];
    return names.filter((name) => {
      const { readAt, flaws } = this.#history.of(name);
      return readAt < since || flaws > 0;
    });
  }

  async #checkConfig(): Promise<void> {
    for (const name of CONFIG_COPIES) {
      const failure = await this.#flawOfConfig(name);
      if (failure !== undefined) this.#flaw(name, failure);
    }
  }

  async #flawOfConfig(name: string): Promise<Failure | undefined> {
    const { store, config, readOnly } = this.#host;
    try {
      if (isSameConfig(await readConfigCopy(store, name), config)) return undefined;
      return fail('config-damaged', `${name} in ${store.location} was replaced by that of another repository.`);
    } catch (thrown) {
      const failure = toFailure(thrown);
      if (failure.kind === 'retry' || failure.kind === 'bug') throw failure;
      // A repository of an earlier version gets its second copy when it is next opened for writing.
      const early = readOnly && name === SPARE_CONFIG_NAME && toFailure(failure.cause).code === 'file-missing';
      return early ? undefined : failure;
    }
  }

  async #checkPack({ name, length }: ChosenPack, stored: StoredNames): Promise<void> {
    const { store, zones, encryption } = this.#host;
    const { prove } = this.#options;
    const onChunk = (bytes: number) => {
      this.#progress.chunks += 1;
      this.#progress.bytesRead += bytes;
      this.#tell();
    };
    const before = this.#progress.bytesRead;
    const unseal =
      encryption && ((chunk: { type: ChunkType; id: Buffer }, body: Buffer) => encryption.unseal(chunk, body));
    const proof = prove === undefined ? undefined : { covers: (zone: Buffer) => zones.has(zone), chunk: prove, unseal };
    try {
      await stored.demand(name);
      const verdict = await readPack(store, name, { pace: this.#pace, prove: proof, onChunk }, this.#signal);
      // One that a collection took away meanwhile, with the key it was sealed under, says nothing.
      if (verdict.flaws.length > 0 && this.#expected.has(name) && !this.#isExpected(name)) return;
      this.#proven += verdict.proven;
      this.#notePack(name, verdict.flaws, verdict.whole);
    } catch (thrown) {
      const cause = toFailure(thrown);
      if (cause.code !== 'file-missing') throw cause;
      this.#noteGone(name);
      return;
    }
    this.#progress.bytesRead = before + length;
    this.#progress.packs += 1;
    this.#tell();
    await this.#saveSometimes();
  }

  #isExpected(name: string): boolean {
    return this.#host.table.packNames().includes(name);
  }

  /** One that nobody expects any more was removed in the meantime. */
  #noteGone(name: string): void {
    const { store } = this.#host;
    if (!this.#isExpected(name)) return;
    this.#notePack(name, [fail('pack-damaged', `Pack ${name} is gone from ${store.location}.`)], new Map());
  }

  #notePack(name: string, flaws: Failure[], whole: PackVerdict['whole']): void {
    this.#history.note(name, Date.now(), flaws.length);
    if (flaws.length > 0) this.#flawed.set(name, whole);
    for (const flaw of flaws) this.#flaw(name, flaw);
  }

  /** What the index expects in the flawed packs and is not whole there. */
  #gatherLost(): void {
    if (this.#flawed.size === 0) return;
    for (const { zone, id, found } of this.#host.table.chunksIn(new Set(this.#flawed.keys()))) {
      const whole = this.#flawed.get(found.in.name)?.get(found.offset) === id.toString('hex');
      if (!whole) this.#lost.add(zone, id);
    }
  }

  async #checkPoints(): Promise<void> {
    const onAffected = (point: AffectedPoint) => {
      this.#affected += 1;
      this.#options.onAffected?.(point);
    };
    const onPoint = () => {
      this.#progress.points += 1;
      this.#tell();
    };
    const onFlaw = (file: string, failure: Failure) => this.#flaw(file, failure);
    const onMissing = (zone: Buffer, id: Buffer) => this.#missing.add(zone, id);
    const options = { pace: this.#pace, lost: this.#lost, onFlaw, onAffected, onMissing, onPoint };
    await checkPoints(this.#host, options, this.#signal);
  }

  #flaw(file: string, failure: Failure): void {
    this.#progress.flaws += 1;
    this.#options.onFlaw?.(file, failure);
  }

  #tell(): void {
    this.#options.onProgress?.({ ...this.#progress });
  }

  async #saveSometimes(): Promise<void> {
    if (this.#host.readOnly || performance.now() - this.#savedAt < SAVE_EVERY) return;
    this.#savedAt = performance.now();
    await this.#history.save().catch(() => {});
  }

  #result(packs: number, packsRead: number): Verification {
    const { chunks, points, flaws, bytesRead } = this.#progress;
    const verifiedSince = this.#history.since;
    return {
      packs,
      packsRead,
      chunksRead: chunks,
      bytesRead,
      points,
      idsProven: this.#proven,
      ...(verifiedSince === undefined ? {} : { verifiedSince }),
      flaws,
      damagedChunks: this.#lost.size,
      missingChunks: this.#missing.size,
      affectedPoints: this.#affected,
    };
  }
}
