import { ByteCredit, releaseMemory, toFailure } from '@sealift/core';
import { type Ticket, uuidBytes } from '@sealift/crypto';
import { openManifest, type PointRecord, type Repository } from '@sealift/repository';
import {
  decodeFetch,
  decodeListPoints,
  decodeReadPoint,
  encodeFetched,
  encodeFetchFailed,
  encodeOpened,
  encodePoint,
  encodePoints,
  type Link,
  type LinkMessage,
  MESSAGE,
} from '@sealift/wire';
import { fail } from '../failures.ts';
import type { SessionServer } from '../receive.ts';
import { newestOf } from './newest-point.ts';

/** Chunks that may be read and not yet sent at a time; each has at most a few MiB. */
const READS_UNDER_WAY = 8;

/**
 * The target's end of a restore: hands out recovery points of the job its ticket names, and chunks of the zone it covers,
 * as they are stored.
 */
export class RestoreServer implements SessionServer {
  readonly #link: Link;
  readonly #jobId: string;
  readonly #repository: Repository;
  readonly #zone: Buffer;
  readonly #reads = new ByteCredit(READS_UNDER_WAY);
  readonly #running = new Set<Promise<void>>();

  private constructor(link: Link, jobId: string, repository: Repository, zone: Buffer) {
    this.#jobId = jobId;
    this.#link = link;
    this.#repository = repository;
    this.#zone = zone;
  }

  static async open(link: Link, ticket: Ticket, repository: Repository): Promise<RestoreServer> {
    const sourceSide = ticket.mode === 'source-side';
    if (sourceSide && ticket.domainId === undefined) {
      throw fail('not-permitted', 'The ticket names no encryption domain.');
    }
    // In-flight: that of a copied point is the repository it was made in.
    const zone = uuidBytes(ticket.domainId ?? repository.id);
    if (!sourceSide && !repository.zones.has(zone)) {
      throw fail('not-permitted', `The ticket is for a zone that ${repository.id} holds no points of.`);
    }
    const secret = sourceSide ? {} : { chunkSecret: repository.zones.of(zone) };
    // A restore sends no chunks, so its window is a formality.
    const opened = encodeOpened({ repositoryId: repository.id, zone, window: 1, ...secret });
    await link.send(MESSAGE.opened, opened);
    return new RestoreServer(link, ticket.jobId, repository, zone);
  }

  async receive({ kind, payload }: LinkMessage): Promise<void> {
    if (kind === MESSAGE.fetch) await this.#fetch(payload);
    else if (kind === MESSAGE.readPoint) await this.#readPoint(payload);
    else if (kind === MESSAGE.listPoints) await this.#listPoints(payload);
    else throw fail('protocol-violation', `Message ${kind} has no place in a restore.`);
  }

  async finish(): Promise<void> {
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.finish();
  }

  async #readPoint(payload: Buffer): Promise<void> {
    const wanted = decodeReadPoint(payload);
    const { manifest } = await this.#repository.readPoint(wanted === 'latest' ? await this.#latest() : wanted);
    const { jobId, zone } = openManifest(manifest, {}).manifest;
    if (jobId !== this.#jobId) throw fail('not-permitted', 'The ticket of this restore is for another job.');
    if (!zone.equals(this.#zone)) {
      throw fail('not-permitted', 'The ticket of this restore covers another encryption domain.');
    }
    await this.#link.send(MESSAGE.point, encodePoint(manifest));
  }

  async #listPoints(payload: Buffer): Promise<void> {
    decodeListPoints(payload);
    const points = await this.#ownPoints();
    await this.#link.send(MESSAGE.points, encodePoints(points.map(({ id, ...point }) => ({ pointId: id, ...point }))));
  }

  async #latest(): Promise<string> {
    const newest = newestOf(await this.#ownPoints());
    if (newest === undefined) throw fail('point-unknown', 'The job has no recovery point in this repository.');
    return newest.id;
  }

  /** A repository holds points of many jobs, and an agent that was taken over gets tickets for its own. */
  async #ownPoints(): Promise<PointRecord[]> {
    return (await this.#repository.points()).filter(({ jobId }) => jobId === this.#jobId);
  }

  /** Reads a few chunks at a time and sends them as they come; the link's own back-pressure bounds what is under way. */
  async #fetch(payload: Buffer): Promise<void> {
    const { request, ids } = decodeFetch(payload);
    for (let at = 0; at < ids.length; at += 32) {
      await this.#reads.take(1);
      const sending = this.#send(request, ids.subarray(at, at + 32)).finally(() => {
        this.#reads.give(1);
        this.#running.delete(sending);
      });
      this.#running.add(sending);
    }
  }

  async #send(request: number, id: Buffer): Promise<void> {
    try {
      const { type, body } = await this.#repository.readChunk(this.#zone, id);
      await this.#link.send(MESSAGE.fetched, encodeFetched({ request, id, type, body }));
      releaseMemory(body);
    } catch (thrown) {
      const failure = toFailure(thrown).toJSON();
      // When the link is what failed, its reader learns that too.
      await this.#link.send(MESSAGE.fetchFailed, encodeFetchFailed({ request, id, failure })).catch(() => {});
    }
  }
}
