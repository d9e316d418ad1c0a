import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../failures.ts';
import { readIfPresent, writeDurably } from '../storage/durable-file.ts';

/** Kept this long beyond its expiry, so that a clock set back a little does not revive a ticket, ms. */
const GRACE = 10 * 60 * 1000;
/** The file is rewritten when it has grown to twice what was needed at the last rewriting, and this many lines. */
const SLACK = 1024;

const LINE = /^([0-9a-f-]{36}) (\d{1,16})$/;

/**
 * The ids of tickets that were used, remembered until they expire, across restarts.
 * `use` decides at once; a session may begin only after `recorded`, when the mark is on disk, so that a crash between
 * the two leaves nothing that a replayed ticket could gain.
 */
export class SpentTickets implements AsyncDisposable {
  readonly #path: string;
  readonly #now: () => number;
  readonly #keepUntil: Map<string, number>;
  #file: FileHandle;
  #lines = 0;
  #rewriteAt = 0;
  #tail: Promise<void> = Promise.resolve();
  readonly #recording = new Map<string, Promise<void>>();

  private constructor(path: string, now: () => number, keepUntil: Map<string, number>, file: FileHandle) {
    this.#path = path;
    this.#now = now;
    this.#keepUntil = keepUntil;
    this.#file = file;
    this.#countFrom(keepUntil.size);
  }

  static async open(path: string, now: () => number = Date.now): Promise<SpentTickets> {
    const kept = parseLines((await readIfPresent(path)) ?? '', now());
    await writeDurably(path, formatLines(kept));
    return new SpentTickets(path, now, kept, await open(path, 'a', 0o600));
  }

  /** Marks a ticket as used, or refuses it. `expires` in ms since the epoch. */
  use(jti: string, expires: number): void {
    const keptUntil = this.#keepUntil.get(jti);
    if (keptUntil !== undefined && keptUntil > this.#now()) {
      throw fail('ticket-used', `The ticket ${jti} was used before`);
    }
    this.#keepUntil.set(jti, expires + GRACE);
    const recorded = this.#tail.then(() => this.#append(jti, expires + GRACE));
    this.#recording.set(jti, recorded);
    // A failure stays to be told by `recorded`, and the next ticket is written all the same.
    this.#tail = recorded.then(
      () => void this.#recording.delete(jti),
      () => {},
    );
  }

  /** Resolves when the mark of a ticket that was used is on disk. */
  async recorded(jti: string): Promise<void> {
    await this.#recording.get(jti);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  async #append(jti: string, keepUntil: number): Promise<void> {
    // The line break before it parts it from what a full disk may have cut off.
    await this.#file.appendFile(`\n${jti} ${keepUntil}\n`);
    await this.#file.datasync();
    this.#lines += 1;
    if (this.#lines >= this.#rewriteAt) await this.#compact();
  }

  async #compact(): Promise<void> {
    const now = this.#now();
    for (const [key, until] of this.#keepUntil) if (until <= now) this.#keepUntil.delete(key);
    await writeDurably(this.#path, formatLines(this.#keepUntil));
    const previous = this.#file;
    this.#file = await open(this.#path, 'a', 0o600);
    this.#countFrom(this.#keepUntil.size);
    await previous.close();
  }

  #countFrom(lines: number): void {
    this.#lines = lines;
    this.#rewriteAt = 2 * lines + SLACK;
  }
}

/** A line cut off by a crash belongs to a session that never began: it is left out. */
function parseLines(text: string, now: number): Map<string, number> {
  const kept = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, key, until] = LINE.exec(line) ?? [];
    if (key !== undefined && Number(until) > now) kept.set(key, Number(until));
  }
  return kept;
}

function formatLines(kept: Map<string, number>): string {
  return [...kept].map(([key, until]) => `${key} ${until}\n`).join('');
}
