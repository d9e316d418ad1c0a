import type { Presence } from '@sealift/wire';
import { BoundedIdSet } from './id-set.ts';
import { MemberDirectory, type MemberReference } from './small-files.ts';

/** What a worker is told about an id it asked for. */
export const VERDICT = { known: 0, send: 1 } as const;

/** Ids remembered as met in this run (24 MB when full). A forgotten one is asked of the target again. */
const REMEMBERED_IDS = 1_000_000;

/** Ids in one question about an earlier run. */
const MOST_ASKED = 2048;

/** Asks the target what it has: batched by the caller, many batches under way at once. */
export type AskTarget = (ids: Buffer) => Promise<Presence[]>;

/**
 * Decides for every id of a run whether its content has to be sent, and records every chunk the recovery point will
 * reference. Ids met before in this run are never asked or sent again, whichever worker met them.
 */
export class Dedup {
  readonly #ask: AskTarget;
  readonly #reference: (id: Buffer) => void;
  readonly #met = new BoundedIdSet(REMEMBERED_IDS);
  readonly #members = new MemberDirectory();

  /** @param reference told each chunk id the point depends on, at least once */
  constructor(ask: AskTarget, reference: (id: Buffer) => void) {
    this.#ask = ask;
    this.#reference = reference;
  }

  /** @param ids n * 32 bytes @returns n verdicts */
  async chunks(ids: Buffer): Promise<Uint8Array> {
    const verdicts = new Uint8Array(ids.length / 32).fill(VERDICT.known);
    const unmet = each(ids).filter(({ id }) => this.#meet(id));
    const answers = await this.#askFor(unmet);
    unmet.forEach(({ at }, i) => {
      if (answers[i]?.state === 'missing') verdicts[at] = VERDICT.send;
    });
    return verdicts;
  }

  /** The same for the contents of small files, each of which ends up as a member of some bundle. */
  async members(ids: Buffer): Promise<Uint8Array> {
    const verdicts = new Uint8Array(ids.length / 32).fill(VERDICT.known);
    const unmet = each(ids).filter(({ id }) => {
      if (this.#members.has(id)) return false;
      this.#members.expect(id);
      return true;
    });
    const answers = await this.#askFor(unmet);
    unmet.forEach(({ id, at }, i) => {
      const answer = answers[i];
      if (answer?.state === 'member') {
        this.#meet(answer.bundle);
        this.#members.resolve(id, { bundle: answer.bundle, ordinal: answer.ordinal });
      } else {
        verdicts[at] = VERDICT.send;
      }
    });
    return verdicts;
  }

  /**
   * Which of these chunks, known from an earlier run, are at the target or on their way to it.
   *
   * @param ids n * 32 bytes @returns n bytes, 1 for those
   */
  async present(ids: Buffer): Promise<Uint8Array> {
    const found = new Uint8Array(ids.length / 32).fill(1);
    const unmet = each(ids).filter(({ id }) => !this.#met.has(id));
    const batches = Array.from({ length: Math.ceil(unmet.length / MOST_ASKED) }, (_, i) =>
      unmet.slice(i * MOST_ASKED, (i + 1) * MOST_ASKED),
    );
    await Promise.all(
      batches.map(async (batch) => {
        const answers = await this.#askFor(batch);
        batch.forEach(({ at }, i) => {
          // As a member of some bundle it could not be referred to.
          if (answers[i]?.state !== 'chunk') found[at] = 0;
        });
      }),
    );
    return found;
  }

  /** The point depends on these chunks, which `present` has found. */
  refer(ids: Buffer): void {
    for (const { id } of each(ids)) this.#meet(id);
  }

  /** A bundle was sealed: its members can be referenced. */
  bundled(bundle: Buffer, members: Buffer[]): void {
    this.#meet(bundle);
    members.forEach((id, ordinal) => {
      this.#members.resolve(id, { bundle, ordinal });
    });
  }

  whereabouts(memberId: Buffer): Promise<MemberReference> {
    return this.#members.whereabouts(memberId);
  }

  fail(error: unknown): void {
    this.#members.fail(error);
  }

  #meet(id: Buffer): boolean {
    const first = this.#met.add(id);
    if (first) this.#reference(id);
    return first;
  }

  async #askFor(unmet: { id: Buffer }[]): Promise<Presence[]> {
    return unmet.length === 0 ? [] : this.#ask(Buffer.concat(unmet.map(({ id }) => id)));
  }
}

function each(ids: Buffer): { id: Buffer; at: number }[] {
  return Array.from({ length: ids.length / 32 }, (_, at) => ({ id: ids.subarray(at * 32, at * 32 + 32), at }));
}
