import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { CHUNK_TYPE, type ChunkType } from '@sealift/crypto';
import type { Point } from '../db/points.ts';
import type { OpenedDomain, Way } from '../keys/open-domain.ts';

const { tree, manifest, data, bundle } = CHUNK_TYPE;

/** What kinds of looks there are: which chunks they open, and how many at most. */
export const LOOKS = {
  /** One page of a folder. */
  entries: { types: [tree, manifest] as ChunkType[], chunks: 1024 },
  /** A stretch of a search; a reader stops at a fifth of that. */
  find: { types: [tree, manifest] as ChunkType[], chunks: 1024 },
  /** A page of a folder inside a disk, or a stretch of a search there: somebody has named the disk. A reader stops far earlier. */
  inside: { types: [tree, manifest, data] as ChunkType[], chunks: 1024 },
  /** A file, or an archive of a folder, of any size: somebody has ordered it, as a restore. */
  download: { types: [tree, manifest, data, bundle] as ChunkType[], chunks: Number.MAX_SAFE_INTEGER },
  /** A few files of the whole. */
  sample: { types: [tree, manifest, data, bundle] as ChunkType[], chunks: 256 },
} as const;

/** A look into a recovery point that a source Transporter takes for somebody. It gets the key of no run. */
export interface BrowseTask extends Disposable {
  taskId: string;
  transporterId: string;
  point: Point;
  kind: keyof typeof LOOKS;
  /** The only way to the keys that may be taken for it. */
  way?: Way;
  /** A download: the connection over which it comes. */
  relay: PromiseWithResolvers<Duplex>;
  /** Keys of chunks given to it so far. */
  chunksGiven: number;
  /** Once its keys were asked for: the domain, and the runs whose chunks it may open, by `runName`. */
  opened?: { domain: OpenedDomain['domain']; runs: Set<string> };
}

/** Looks under way. They live as long as the request behind them, so they are kept nowhere else. */
export class BrowseTasks {
  readonly #tasks = new Map<string, BrowseTask>();

  of(taskId: string): BrowseTask | undefined {
    return this.#tasks.get(taskId);
  }

  begin(transporterId: string, point: Point, kind: BrowseTask['kind'], way?: Way): BrowseTask {
    const taskId = randomUUID();
    const task: BrowseTask = {
      taskId,
      transporterId,
      point,
      kind,
      relay: Promise.withResolvers(),
      chunksGiven: 0,
      ...(way === undefined ? {} : { way }),
      [Symbol.dispose]: () => {
        this.#tasks.delete(taskId);
      },
    };
    this.#tasks.set(taskId, task);
    return task;
  }
}
