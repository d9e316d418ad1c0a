import { randomUUID } from 'node:crypto';
import type { Point } from '../db/points.ts';
import type { Way } from '../keys/open-domain.ts';

/** A look into a recovery point that a source Transporter takes for somebody. */
export interface BrowseTask extends Disposable {
  taskId: string;
  transporterId: string;
  point: Point;
  /** The only way to the keys that may be taken for it. */
  way?: Way;
}

/** Looks under way. They live as long as the request behind them, so they are kept nowhere else. */
export class BrowseTasks {
  readonly #tasks = new Map<string, BrowseTask>();

  of(taskId: string): BrowseTask | undefined {
    return this.#tasks.get(taskId);
  }

  begin(transporterId: string, point: Point, way?: Way): BrowseTask {
    const taskId = randomUUID();
    const task = {
      taskId,
      transporterId,
      point,
      ...(way === undefined ? {} : { way }),
      [Symbol.dispose]: () => {
        this.#tasks.delete(taskId);
      },
    };
    this.#tasks.set(taskId, task);
    return task;
  }
}
