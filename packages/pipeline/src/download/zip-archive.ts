import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { DownloadPart } from '@sealift/wire';
import { type Options, ZipFile } from 'yazl';
import { fail } from '../failures.ts';
import type { Contents, LookedEntry } from '../look/looked-tree.ts';
import type { Selected } from './selected.ts';
import { wholeContent, zeros } from './whole-content.ts';
import { zipName } from './zip-names.ts';

type Warning = Extract<DownloadPart, { kind: 'warning' }>;

/** The directory of a zip archive stands at its end, and is kept in memory until then. */
const MOST_ENTRIES = 250_000;
/** What the times of a zip archive reach, ms. */
const [EARLIEST, LATEST] = [Date.UTC(1980, 0, 2), Date.UTC(2107, 11, 30)];
const SYMLINK = 0o120000;
const FILE = 0o100000;
const DIRECTORY = 0o040000;

/** Entries as a zip archive: files, folders and symbolic links, with times and permission bits. */
export async function* zipArchive(
  entries: AsyncIterable<Selected>,
  reader: Contents,
  signal: AbortSignal,
): AsyncGenerator<DownloadPart, void, undefined> {
  const feeder = new ZipFeeder(reader, signal);
  const feeding = feeder.feed(entries);
  try {
    for await (const bytes of feeder.output as AsyncIterable<Buffer>) {
      yield* feeder.warnings.splice(0);
      yield { kind: 'data', bytes };
    }
    await feeding;
    yield* feeder.warnings.splice(0);
  } finally {
    feeder.stop();
    await feeding.catch(() => {});
  }
}

/** Gives the archive one entry at a time, so that what is read is what is being written. */
class ZipFeeder {
  readonly warnings: Warning[] = [];
  readonly #zip = new ZipFile();
  readonly #reader: Contents;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #entries = 0;

  constructor(reader: Contents, signal: AbortSignal) {
    this.#reader = reader;
    // What fails here fails `feed` too, which tells.
    this.#zip.on('error', () => {});
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  get output(): NodeJS.ReadableStream {
    return this.#zip.outputStream;
  }

  stop(): void {
    this.#stop.abort();
  }

  async feed(entries: AsyncIterable<Selected>): Promise<void> {
    try {
      for await (const selected of entries) {
        if (++this.#entries > MOST_ENTRIES) {
          throw fail('archive-too-large', `There are more than ${MOST_ENTRIES} files and folders.`);
        }
        await this.#add(selected);
      }
      this.#zip.end();
    } catch (thrown) {
      (this.#zip.outputStream as Readable).destroy(thrown as Error);
      throw thrown;
    }
  }

  async #add(selected: Selected): Promise<void> {
    const { entry, missed } = selected;
    const { name, changed } = zipName(entry.path);
    if (missed !== undefined) this.warnings.push(missed);
    else if (entry.kind === 'directory') this.#zip.addEmptyDirectory(name, attributes(entry, DIRECTORY));
    else if (entry.linkTarget !== undefined) {
      this.#zip.addBuffer(entry.linkTarget, name, { ...attributes(entry, SYMLINK), mode: SYMLINK | 0o777 });
    } else if (entry.content !== undefined) await this.#addFile(selected, name);
    else this.#warn(entry, 'not-archivable', `A zip archive has no place for a ${entry.kind}.`);
    if (changed) this.#warn(entry, 'renamed', `It is ${name} in the archive, for zip knows no other names than UTF-8.`);
  }

  async #addFile(selected: Selected, name: string): Promise<void> {
    const { entry } = selected;
    const content = Readable.from(this.#bytesOf(selected), { objectMode: false });
    const read = once(content, 'end', { signal: this.#signal });
    this.#zip.addReadStream(content, name, { ...attributes(entry, FILE), size: entry.size });
    try {
      await read;
    } finally {
      content.destroy();
    }
  }

  async *#bytesOf(selected: Selected): AsyncGenerator<Buffer, void, undefined> {
    for await (const part of wholeContent(selected, this.#reader, this.#signal)) {
      if (part.kind === 'data') yield part.bytes;
      else if (part.kind === 'hole') yield* zeros(part.length);
      else this.warnings.push(part);
    }
  }

  #warn({ path }: LookedEntry, code: string, message: string): void {
    this.warnings.push({ kind: 'warning', path, code, message });
  }
}

function attributes({ mode, mtimeNs }: LookedEntry, type: number): Pick<Options, 'mtime' | 'mode'> {
  const time = Math.min(LATEST, Math.max(EARLIEST, Number(mtimeNs / 1_000_000n)));
  return { mtime: new Date(time), mode: type | (mode & 0o777) };
}
