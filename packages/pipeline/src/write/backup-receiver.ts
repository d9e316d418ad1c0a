import { releaseMemory, toFailure } from '@sealift/core';
import { chunkKeysFromSecret, type Ticket, uuidBytes } from '@sealift/crypto';
import type { ChunkWriter, Repository } from '@sealift/repository';
import {
  decodeAsk,
  decodeChunk,
  decodeReadPoint,
  encodeAck,
  encodeAnswer,
  encodeOpened,
  encodePoint,
  type Link,
  type LinkMessage,
  MESSAGE,
  type Open,
} from '@sealift/wire';
import type { VerifyWork } from '../decrypt/target-messages.ts';
import type { TargetPool } from '../decrypt/target-pool.ts';
import { fail } from '../failures.ts';
import type { SessionServer } from '../receive.ts';
import { newestOf } from '../serve/newest-point.ts';
import { refuse } from '../serve/refuse.ts';
import { asBuffer, ownBuffer, transferable } from '../threads/channel.ts';
import { Acknowledger } from './acknowledger.ts';
import { PointCommitter } from './point-committer.ts';

/** Bytes a source may have on their way unacknowledged. */
const TARGET_WINDOW = 32 * 1024 * 1024;
/** One chunk may exceed what is left of the window, so that large ones are never stuck. */
const WINDOW_SLACK = 20 * 1024 * 1024;

/** What the Transporter around a session lends it. */
export interface Means {
  workers: TargetPool;
  /** Counts bytes against the quota of the run; throws when it is used up. */
  take: (bytes: number) => void;
}

/** The target's end of a backup: answers questions, verifies and stores chunks, and commits the recovery point. */
export class BackupReceiver implements SessionServer {
  readonly #link: Link;
  readonly #runId: string;
  readonly #zone: Buffer;
  readonly #verifyBy: VerifyWork['by'];
  readonly #repository: Repository;
  readonly #workers: TargetPool;
  readonly #takeQuota: Means['take'];
  readonly #writer: ChunkWriter;
  readonly #acknowledger: Acknowledger;
  readonly #committer: PointCommitter;

  private constructor(link: Link, open: Open, zone: Buffer, repository: Repository, means: Means) {
    this.#link = link;
    this.#runId = open.runId;
    this.#zone = zone;
    this.#repository = repository;
    this.#workers = means.workers;
    this.#takeQuota = means.take;
    const session = { zone, pointId: open.runId };
    this.#writer = repository.writer(open.run === undefined ? session : { ...session, run: open.run });
    const { sealUnder } = this.#writer;
    this.#verifyBy =
      open.run === undefined
        ? {
            idKey: chunkKeysFromSecret(repository.zones.of(zone)).idKey,
            ...(sealUnder === undefined ? {} : { sealUnder }),
          }
        : { domainId: ownBuffer(zone), runSalt: ownBuffer(open.run.runSalt) };
    this.#acknowledger = new Acknowledger(
      (sequence) => link.send(MESSAGE.ack, encodeAck(sequence)),
      // The source may be waiting for room in its window and send nothing that could be answered with the failure.
      (thrown) => void refuse(link, toFailure(thrown)),
    );
    this.#committer = new PointCommitter(link, repository, open.runId, zone);
  }

  static async open(
    link: Link,
    open: Open,
    ticket: Ticket,
    repository: Repository,
    means: Means,
  ): Promise<BackupReceiver> {
    const zone = await zoneOf(open, ticket, repository);
    const points = await repository.points();
    const known = points.find(({ id }) => id === open.runId);
    // A copy brings what a point that is here has lost.
    const committed = known && open.purpose === 'copy' && !(await isWhole(repository, known.id)) ? undefined : known;
    const previous = newestOf(points.filter(({ jobId, id }) => jobId === open.jobId && id !== open.runId));
    const receiver = new BackupReceiver(link, open, zone, repository, means);
    const opened = encodeOpened({
      repositoryId: repository.id,
      zone,
      window: TARGET_WINDOW,
      ...(open.run === undefined && open.zone === undefined ? { chunkSecret: repository.dedupSecret } : {}),
      ...(committed === undefined ? {} : { committed: committed.hash }),
      ...(previous === undefined ? {} : { previous: { hash: previous.hash, sequence: previous.sequence } }),
    });
    await link.send(MESSAGE.opened, opened);
    return receiver;
  }

  async receive({ kind, payload }: LinkMessage): Promise<void> {
    if (kind === MESSAGE.ask) await this.#answer(payload);
    else if (kind === MESSAGE.chunk) this.#take(payload);
    else if (kind === MESSAGE.readPoint) await this.#tellOwnPoint(payload);
    else await this.#committer.receive(kind, payload);
  }

  finish(): Promise<void> {
    return this.#acknowledger.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#acknowledger.settled().catch(() => {});
    await this.#committer[Symbol.asyncDispose]();
    await this.#writer.close();
  }

  async #answer(payload: Buffer): Promise<void> {
    const { request, ids } = decodeAsk(payload);
    const answers = Array.from({ length: ids.length / 32 }, (_, i) =>
      this.#repository.lookup(this.#zone, ids.subarray(i * 32, i * 32 + 32)),
    );
    await this.#link.send(MESSAGE.answer, encodeAnswer({ request, answers }));
  }

  /** Verification and writing go on in the background; the source's window bounds how much of it there is. */
  #take(payload: Buffer): void {
    const chunk = decodeChunk(payload);
    this.#takeQuota(chunk.body.length);
    if (this.#acknowledger.bytes + chunk.body.length > TARGET_WINDOW + WINDOW_SLACK) {
      throw fail('window-exceeded', `The source has more than ${TARGET_WINDOW} bytes unacknowledged.`);
    }
    this.#acknowledger.track(chunk.sequence, chunk.body.length, () => this.#store(chunk));
  }

  async #store(chunk: ReturnType<typeof decodeChunk>): Promise<void> {
    // Copied before the body changes hands, since all are views of one message.
    const id = ownBuffer(Buffer.from(chunk.id));
    const members = ownBuffer(Buffer.from(chunk.members));
    const body = transferable(chunk.body);
    const work: VerifyWork = { type: chunk.type, id, members, body, by: this.#verifyBy };
    const verified = await this.#workers.call('verify', work, [body.buffer as ArrayBuffer]);
    const stored = asBuffer(verified.body);
    await this.#writer.put({
      id,
      type: chunk.type,
      body: stored,
      checksum: asBuffer(verified.checksum),
      ...(members.length === 0 ? {} : { members: splitIds(members) }),
    });
    releaseMemory(stored);
  }

  /** What this very run committed before it was cut off; other points are none of a backup's business. */
  async #tellOwnPoint(payload: Buffer): Promise<void> {
    const pointId = decodeReadPoint(payload);
    if (pointId !== this.#runId) throw fail('not-permitted', 'A backup may read no recovery point but its own.');
    const { manifest } = await this.#repository.readPoint(pointId);
    await this.#link.send(MESSAGE.point, encodePoint(manifest));
  }
}

/** Whether its reference list can be read, is the one it was committed with, and names no chunk that is missing. */
async function isWhole(repository: Repository, pointId: string): Promise<boolean> {
  try {
    const { missingCount, rebuilt } = await repository.pointRuns(pointId);
    return missingCount === 0 && rebuilt !== true;
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    return false;
  }
}

/**
 * Source-side chunks belong to their encryption domain, in-flight chunks to the repository that they were first stored in.
 * The secret of a zone is the word of whoever copies; each id is made again from it, and what has the id of an honest chunk
 * under another secret than the true one cannot be found.
 */
async function zoneOf(open: Open, ticket: Ticket, repository: Repository): Promise<Buffer> {
  if (open.zone !== undefined) {
    const zone = uuidBytes(open.zone.id);
    await repository.zones.keep(zone, open.zone.dedupSecret);
    return zone;
  }
  if (open.run === undefined) return uuidBytes(repository.id);
  if (ticket.domainId === undefined) throw fail('not-permitted', 'The ticket names no encryption domain.');
  return uuidBytes(ticket.domainId);
}

function splitIds(ids: Buffer): Buffer[] {
  return Array.from({ length: ids.length / 32 }, (_, i) => ids.subarray(i * 32, i * 32 + 32));
}
