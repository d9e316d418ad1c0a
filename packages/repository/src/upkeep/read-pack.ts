import { type Failure, orderedParallel, releaseMemory, toFailure } from '@sealift/core';
import type { ChunkType } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { sha256InBackground } from '../format/checksum.ts';
import { decodeFooter, footerSpan, type PackEntry } from '../format/pack-footer.ts';
import { decodePackHeader, encodePackHeader, PACK_HEADER_LENGTH, type PackHeader } from '../format/pack-header.ts';
import { RECORD_HEADER_LENGTH } from '../format/pack-record.ts';
import { packName } from '../layout.ts';
import { splitRecord } from '../pack-scan.ts';
import type { Store } from '../store/store.ts';
import type { Pace } from './pace.ts';
import { scanDamagedPack } from './scan-damaged-pack.ts';

/** Read at once, bytes; a longer record is read alone. */
const GROUP = 4 * 1024 * 1024;
/** Groups in memory: one is read while others are hashed. */
const WIDTH = 3;
const TAIL = 64 * 1024;

/** A chunk whose contents are there to be read. The body has memory of its own, which may be transferred. */
export interface ChunkToProve {
  zone: Buffer;
  type: ChunkType;
  id: Buffer;
  /** Ids of bundle members, end to end. */
  members: Buffer;
  body: Buffer<ArrayBuffer>;
}

/**
 * Makes the id of a chunk again from its contents. Resolves to the SHA-256 of the body it was given; rejects with a
 * `corrupt` failure if the id is another one.
 */
export type ProveChunk = (chunk: ChunkToProve) => Promise<Buffer>;

/** Opens a chunk that was sealed at rest. */
type Unseal = (chunk: { type: ChunkType; id: Buffer }, body: Buffer) => Buffer;

export interface ReadPackOptions {
  pace: Pace;
  /** Of which zones the contents can be read here, and how. */
  prove: { covers: (zone: Buffer) => boolean; chunk: ProveChunk; unseal: Unseal | undefined } | undefined;
  onChunk: (bytes: number) => void;
}

/** What a pack turned out to hold. */
export interface PackVerdict {
  length: number;
  chunks: number;
  proven: number;
  /** In order; empty for a pack without fault. */
  flaws: Failure[];
  /** Ids, in hexadecimal, of whole records by their offsets; kept for packs with flaws alone. */
  whole: Map<number, string>;
}

/** Reads a whole pack once, in order, and compares everything in it with everything that says what it should be. */
export async function readPack(
  store: Store,
  name: string,
  options: ReadPackOptions,
  signal: AbortSignal | undefined,
): Promise<PackVerdict> {
  const reader = new PackReader(store, name, options, signal);
  return await reader.read();
}

class PackReader {
  readonly #store: Store;
  readonly #name: string;
  readonly #options: ReadPackOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #verdict: PackVerdict = { length: 0, chunks: 0, proven: 0, flaws: [], whole: new Map() };

  constructor(store: Store, name: string, options: ReadPackOptions, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#name = name;
    this.#options = options;
    this.#signal = signal;
  }

  async read(): Promise<PackVerdict> {
    const verdict = this.#verdict;
    const { tail, length } = await this.#store.readTail(this.#name, TAIL);
    verdict.length = length;
    const footer = await this.#unlessDamaged('pack-damaged', 'its footer', () => this.#footer(tail, length));
    if (footer === undefined) await this.#scan(length);
    else await this.#walk(footer);
    if (verdict.flaws.length === 0) verdict.whole.clear();
    return verdict;
  }

  async #footer(tail: Buffer, length: number) {
    const span = footerSpan(tail, length);
    const bytes = span <= tail.length ? tail.subarray(-span) : await this.#take(length - span, span);
    return { ...decodeFooter(bytes), end: length - span };
  }

  async #walk({ header, entries, end }: { header: PackHeader; entries: PackEntry[]; end: number }): Promise<void> {
    await this.#unlessDamaged('pack-damaged', 'its header', () => this.#header(header));
    await this.#unlessDamaged('pack-damaged', 'its footer', async () => checkTiling(entries, end));
    for await (const _ of orderedParallel(groupsOf(entries), WIDTH, (group) => this.#group(header.zone, group)));
  }

  async #header(copy: PackHeader): Promise<void> {
    const stored = await this.#take(0, PACK_HEADER_LENGTH);
    decodePackHeader(stored);
    if (!stored.equals(encodePackHeader(copy))) throw fail('format-damaged', 'It differs from the copy in the footer.');
    if (packName(copy.packId) !== this.#name) throw fail('format-damaged', 'It is the header of another pack.');
  }

  /** Entries that follow each other, read with one call. */
  async #group(zone: Buffer, group: PackEntry[]): Promise<void> {
    const [first, last] = [group[0] as PackEntry, group.at(-1) as PackEntry];
    const bytes = await this.#take(first.offset, last.offset + last.length - first.offset);
    const checks = group.map((entry) => {
      const at = entry.offset - first.offset;
      const record = bytes.subarray(at, at + entry.length);
      const what = `chunk ${entry.id.toString('hex')}`;
      return this.#unlessDamaged('chunk-damaged', what, () => this.#record(zone, entry, record));
    });
    await Promise.all(checks);
    releaseMemory(bytes);
  }

  async #record(zone: Buffer, entry: PackEntry, record: Buffer<ArrayBuffer>): Promise<void> {
    const { head, body, complete } = splitRecord(record);
    const members = record.subarray(RECORD_HEADER_LENGTH, record.length - body.length);
    const same = head.id.equals(entry.id) && head.checksum.equals(entry.checksum) && members.equals(entry.members);
    if (!complete || !same || head.type !== entry.type)
      throw fail('format-damaged', 'The footer names another record.');
    await this.#body({ zone, entry, body });
  }

  async #body(of: { zone: Buffer; entry: PackEntry; body: Buffer<ArrayBuffer> }): Promise<void> {
    const { zone, entry, body } = of;
    const { prove, onChunk } = this.#options;
    const proof = prove?.covers(zone) === true ? prove : undefined;
    const checksum = proof === undefined ? await sha256InBackground(body) : await checksumAndProof(of, proof);
    if (!checksum.equals(entry.checksum)) throw fail('format-damaged', 'Its checksum does not hold.');
    if (proof !== undefined) this.#verdict.proven += 1;
    this.#verdict.chunks += 1;
    this.#verdict.whole.set(entry.offset, entry.id.toString('hex'));
    onChunk(entry.length);
  }

  /** Without a footer to go by: whatever whole records can be made out. */
  async #scan(length: number): Promise<void> {
    const header = await this.#unlessDamaged('pack-damaged', 'its header', async () =>
      decodePackHeader(await this.#take(0, PACK_HEADER_LENGTH)),
    );
    if (header === undefined) return;
    const read = (offset: number, bytes: number) => this.#take(offset, bytes);
    for await (const { entry, body } of scanDamagedPack(read, length)) {
      await this.#unlessDamaged('chunk-damaged', `chunk ${entry.id.toString('hex')}`, () =>
        this.#body({ zone: header.zone, entry, body }),
      );
    }
  }

  async #take(offset: number, length: number): Promise<Buffer<ArrayBuffer>> {
    await this.#options.pace.take(length, this.#signal);
    return await this.#store.read(this.#name, offset, length);
  }

  async #unlessDamaged<T>(code: 'pack-damaged' | 'chunk-damaged', what: string, read: () => Promise<T>) {
    try {
      return await read();
    } catch (thrown) {
      const cause = toFailure(thrown);
      // A changed version field must not pass for a newer format in a repository that this program has open.
      if (cause.code === 'file-missing' || (cause.kind !== 'corrupt' && cause.code !== 'repository-too-new'))
        throw cause;
      this.#verdict.flaws.push(fail(code, `Pack ${this.#name}: ${what} is damaged: ${cause.message}`, { cause }));
      return undefined;
    }
  }
}

/** SHA-256 of the body as stored, once the id was made again. */
async function checksumAndProof(
  { zone, entry, body }: { zone: Buffer; entry: PackEntry; body: Buffer<ArrayBuffer> },
  { chunk, unseal }: NonNullable<ReadPackOptions['prove']>,
): Promise<Buffer> {
  const { type, id, members, checksum } = entry;
  if (unseal === undefined) return await chunk({ zone, type, id, members, body: ownCopy(body) });
  const stored = await sha256InBackground(body);
  // What does not even hold its checksum is not worth decrypting.
  if (stored.equals(checksum)) await chunk({ zone, type, id, members, body: ownCopy(unseal({ type, id }, body)) });
  return stored;
}

/** Records fill the pack from the header to the footer without a gap. */
function checkTiling(entries: readonly PackEntry[], end: number): void {
  let at = PACK_HEADER_LENGTH;
  for (const { offset, length } of entries) {
    if (offset !== at) throw fail('format-damaged', `A record is said to be at ${offset} instead of ${at}.`);
    at += length;
  }
  if (at !== end) throw fail('format-damaged', `Between the last record and the footer lie ${end - at} bytes.`);
}

function* groupsOf(entries: readonly PackEntry[]): Generator<PackEntry[], void, undefined> {
  let group: PackEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (group.length > 0 && bytes + entry.length > GROUP) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(entry);
    bytes += entry.length;
  }
  if (group.length > 0) yield group;
}

function ownCopy(bytes: Buffer): Buffer<ArrayBuffer> {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
