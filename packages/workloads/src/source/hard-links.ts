/** Finds the first name of an inode; forgets it once all its names were seen, so memory follows open groups only. */
export class HardLinks {
  readonly #groups = new Map<string, { first: Buffer; left: number }>();

  /** Path of the first name when this is a later one. */
  firstName(device: bigint, inode: bigint, links: number, path: Buffer): Buffer | undefined {
    const key = `${device}:${inode}`;
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { first: path, left: links - 1 });
      return undefined;
    }
    group.left -= 1;
    if (group.left === 0) this.#groups.delete(key);
    return group.first;
  }
}
