const BITS_PER_RANK = 512;

/** The numbers that chosen entries get when all others go: how many were chosen before them. Takes 1.06 bits an entry. */
export class Renumbering {
  readonly #chosen: Uint8Array;
  /** How many were chosen before every 512th entry. */
  readonly #ranks: Uint32Array;

  constructor(count: number, isChosen: (entry: number) => boolean) {
    this.#chosen = new Uint8Array(Math.ceil(count / 8));
    this.#ranks = new Uint32Array(Math.ceil(count / BITS_PER_RANK));
    let rank = 0;
    for (let entry = 0; entry < count; entry++) {
      if (entry % BITS_PER_RANK === 0) this.#ranks[entry / BITS_PER_RANK] = rank;
      if (!isChosen(entry)) continue;
      rank++;
      this.#chosen[entry >>> 3] = (this.#chosen[entry >>> 3] as number) | (1 << (entry & 7));
    }
  }

  /** Of an entry that was chosen. */
  of(entry: number): number {
    const block = Math.floor(entry / BITS_PER_RANK);
    let rank = this.#ranks[block] as number;
    for (let before = block * BITS_PER_RANK; before < entry; before++) {
      if (((this.#chosen[before >>> 3] as number) & (1 << (before & 7))) !== 0) rank++;
    }
    return rank;
  }
}
