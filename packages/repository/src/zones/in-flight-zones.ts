/**
 * The zones whose chunks are in-flight chunks: the repository's own, and foreign ones, those of repositories that recovery
 * points were copied from. All others belong to encryption domains. A zone that is in stays in.
 */
export class InFlightZones {
  /** Id of the repository. */
  readonly own: Buffer;
  readonly #foreign = new Set<string>();

  constructor(own: Buffer, foreign: Iterable<Buffer> = []) {
    this.own = own;
    for (const zone of foreign) this.add(zone);
  }

  has(zone: Buffer): boolean {
    return zone.equals(this.own) || this.#foreign.has(zone.toString('hex'));
  }

  add(zone: Buffer): void {
    this.#foreign.add(zone.toString('hex'));
  }
}
