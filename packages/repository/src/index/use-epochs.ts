/** Epochs fit 16 bits; after so many they are counted anew. */
const LAST_EPOCH = 0xffff;
/** An epoch lasts no longer, so that what was used in it can be told apart by time, ms. */
const LONGEST_EPOCH = 10 * 60_000;

/** An epoch that stays comparable when the count begins anew. */
export interface EpochMark {
  round: number;
  number: number;
}

/**
 * Numbers stretches of time, so that each chunk needs 16 bits to tell when it was last used: told to a backup as known,
 * stored, or found in a reference list. Epoch 0 is the time before the opening. Times are those of `performance.now()`.
 */
export class UseEpochs {
  readonly #onOverflow: () => void;
  #round = 0;
  #number = 1;
  #used = false;
  /** Beginning of each epoch. */
  #begins: number[] = [Number.NEGATIVE_INFINITY, performance.now()];

  /** `onOverflow` makes every use so far one of epoch 1. */
  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  /** Number to write down for a use that happens now. */
  use(): number {
    if (performance.now() - (this.#begins[this.#number] as number) > LONGEST_EPOCH) this.begin();
    this.#used = true;
    return this.#number;
  }

  /** Begins an epoch: no use before belongs to it. */
  begin(): EpochMark {
    if (this.#used) this.#advance();
    this.#begins[this.#number] = performance.now();
    return { round: this.#round, number: this.#number };
  }

  numberOf(mark: EpochMark): number {
    return mark.round === this.#round ? mark.number : 1;
  }

  /** The earliest epoch that was not over at a time. */
  at(time: number): number {
    let number = this.#number;
    while (number > 0 && (this.#begins[number] as number) > time) number--;
    return number;
  }

  #advance(): void {
    this.#used = false;
    this.#number++;
    if (this.#number <= LAST_EPOCH) return;
    this.#onOverflow();
    this.#round++;
    this.#number = 2;
    this.#begins = [Number.NEGATIVE_INFINITY, this.#begins[1] as number, 0];
  }
}
