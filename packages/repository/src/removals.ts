import { Failure, toFailure } from '@sealift/core';
import { uuidBytes, uuidText } from '@sealift/crypto';
import { decodeRemoval, encodeRemoval, LONGEST_REMOVAL } from './format/removal.ts';
import { parseRemovalName, REMOVALS_FOLDER, removalMarkName, removalName } from './layout.ts';
import type { PointRecord } from './points.ts';
import { publishNumbered } from './store/publish-numbered.ts';
import type { Store } from './store/store.ts';

/** Records kept; older ones make room for newer ones. */
const MOST_RECORDS = 10_000;

/** A removed recovery point as the log of removals tells of it. */
export interface Removal {
  pointId: string;
  /** Clock of the repository, ms since 1970. */
  removedAt: number;
  /** Why and by whom, as given. Empty where a full disk left no space for it. */
  reason: string;
  /** Absent for a point that could not be read any more, and where a full disk left no space for it. */
  point?: { jobId: string; sourceId: string; hash: Buffer; createdAt: number; receivedAt: number };
}

interface RemovalFile {
  name: string;
  number: number;
  mark?: { pointId: string; removedAt: number };
}

/**
 * The log of removed recovery points: one immutable file each, written before the point goes. On a full disk, where
 * removing is what is needed most, an empty file whose name tells the point and the time stands in for it.
 */
export class RemovalLog {
  readonly #store: Store;
  /** In order of their numbers. */
  readonly #files: RemovalFile[];
  readonly newestTime: number;

  private constructor(store: Store, files: RemovalFile[], newestTime: number) {
    this.#store = store;
    this.#files = files;
    this.newestTime = newestTime;
  }

  static async load(store: Store): Promise<RemovalLog> {
    const names = await store.list(REMOVALS_FOLDER);
    const files = names.flatMap((name) => parseRemovalName(name) ?? []).sort((a, b) => a.number - b.number);
    const newest = files.at(-1);
    const read = newest === undefined ? undefined : await readRemoval(store, newest);
    return new RemovalLog(store, files, read?.removedAt ?? 0);
  }

  /** Durable once it resolves. */
  async add(pointId: string, point: PointRecord | undefined, of: { reason: string; removedAt: number }): Promise<void> {
    const record = encodeRemoval({
      pointId: uuidBytes(pointId),
      jobId: point === undefined ? Buffer.alloc(16) : uuidBytes(point.jobId),
      sourceId: point === undefined ? Buffer.alloc(16) : uuidBytes(point.sourceId),
      hash: point?.hash ?? Buffer.alloc(32),
      createdAt: point?.createdAt ?? 0,
      receivedAt: point?.receivedAt ?? 0,
      ...of,
    });
    const number = (this.#files.at(-1)?.number ?? 0) + 1;
    this.#files.push(await this.#write(number, record, { pointId, removedAt: of.removedAt }));
    while (this.#files.length > MOST_RECORDS) await this.#store.remove((this.#files.shift() as RemovalFile).name);
  }

  /** The newest first; records that cannot be read are left out. */
  async newest(limit: number): Promise<Removal[]> {
    const removals: Removal[] = [];
    for (const file of this.#files.slice(-Math.max(1, limit)).reverse()) {
      const removal = await readRemoval(this.#store, file);
      if (removal !== undefined) removals.push(removal);
    }
    return removals;
  }

  async #write(number: number, record: Buffer, mark: { pointId: string; removedAt: number }): Promise<RemovalFile> {
    try {
      const taken = await publishNumbered(this.#store, removalName, number, record);
      return { name: removalName(taken), number: taken };
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== 'disk-full') throw thrown;
      const markName = removalMarkName(number, mark.pointId, mark.removedAt);
      await this.#store.mark(markName);
      return { name: markName, number, mark };
    }
  }
}

async function readRemoval(store: Store, file: RemovalFile): Promise<Removal | undefined> {
  if (file.mark !== undefined) return { ...file.mark, reason: '' };
  try {
    const { tail } = await store.readTail(file.name, LONGEST_REMOVAL);
    const { pointId, jobId, sourceId, removedAt, reason, hash, createdAt, receivedAt } = decodeRemoval(tail);
    const known = !hash.equals(Buffer.alloc(32));
    const point = { jobId: uuidText(jobId), sourceId: uuidText(sourceId), hash, createdAt, receivedAt };
    return { pointId: uuidText(pointId), removedAt, reason, ...(known ? { point } : {}) };
  } catch (thrown) {
    if (toFailure(thrown).kind !== 'corrupt') throw thrown;
    return undefined;
  }
}
