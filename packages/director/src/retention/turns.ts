/** One piece of work after another: what is removed, held and listed of recovery points must not overtake each other. */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {});
    return turn;
  }

  /** Resolves when everything begun so far is done. */
  async settled(): Promise<void> {
    await this.#tail;
  }
}
