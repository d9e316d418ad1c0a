import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { METHODS, type Params, type TaskResult, type TaskWarning } from '@sealift/wire';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';
import { removeDurably } from '../storage/durable-file.ts';
import { UUID_PATTERN } from '../storage/identifiers.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';

/** A finished task as the Director must still learn of it. */
export interface FinishedTask {
  taskId: string;
  attempt: number;
  result: TaskResult;
  /** Warnings that had not reached the Director when the task ended. */
  warnings: TaskWarning[];
}

const Base64 = Type.String({ maxLength: 8192, pattern: '^[A-Za-z0-9+/]*={0,2}$' });

const WarningSchema = Type.Object({
  path: Base64,
  code: Type.String({ maxLength: 64 }),
  message: Type.String({ maxLength: 1024 }),
});

/** On disk: JSON, one file a task, bytes in base64. */
const StoredSchema = Type.Object({
  version: Type.Literal(1),
  taskId: Type.String({ pattern: UUID_PATTERN }),
  attempt: Type.Integer({ minimum: 1 }),
  pointHash: Type.Optional(Base64),
  result: Type.Record(Type.String(), Type.Unknown()),
  warnings: Type.Array(WarningSchema, { maxItems: 1000 }),
});

/** Results of tasks, kept on disk from the moment a task ends until the Director has acknowledged them. */
export class TaskJournal {
  readonly #folder: string;
  readonly #finished = new Map<string, FinishedTask>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Reads what an earlier process left. A file that cannot be understood is set aside: its task is dispatched again. */
  static async open(folder: string, log: Logger): Promise<TaskJournal> {
    const journal = new TaskJournal(folder);
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    for (const name of names) {
      const path = join(folder, name);
      try {
        const task = await readStored(path);
        if (task !== undefined) journal.#finished.set(task.taskId, task);
      } catch (thrown) {
        log.error({ path, ...failureFields(thrown) }, 'task result set aside');
        await rename(path, `${path}.damaged`);
      }
    }
    return journal;
  }

  get(taskId: string): FinishedTask | undefined {
    return this.#finished.get(taskId);
  }

  all(): FinishedTask[] {
    return [...this.#finished.values()];
  }

  async record(task: FinishedTask): Promise<void> {
    const { point, ...rest } = task.result;
    const { hash, ...pointRest } = point ?? {};
    await writeJsonFile(this.#file(task.taskId), {
      version: 1,
      taskId: task.taskId,
      attempt: task.attempt,
      pointHash: hash?.toString('base64'),
      result: point === undefined ? rest : { ...rest, point: pointRest },
      warnings: task.warnings.map((warning) => ({ ...warning, path: warning.path.toString('base64') })),
    });
    this.#finished.set(task.taskId, task);
  }

  /** Lets go of a result the Director has. A result recorded since for a later attempt stays. */
  async forget(task: FinishedTask): Promise<void> {
    if (this.#finished.get(task.taskId) !== task) return;
    this.#finished.delete(task.taskId);
    await removeDurably(this.#file(task.taskId));
  }

  #file(taskId: string): string {
    return join(this.#folder, `${taskId}.json`);
  }
}

async function readStored(path: string): Promise<FinishedTask | undefined> {
  const stored = await readJsonFile(path, StoredSchema);
  if (stored === undefined) return undefined;
  const { taskId, attempt, result, pointHash } = stored;
  const told = { taskId, result: withPointHash(result, pointHash) };
  if (!isFinished(told)) throw fail('state-damaged', `${path} does not hold the result of a task`);
  const warnings = stored.warnings.map((warning) => ({ ...warning, path: Buffer.from(warning.path, 'base64') }));
  return { taskId, attempt, result: told.result, warnings };
}

/** Whether the Director would take it. */
function isFinished(told: unknown): told is Params<'task.finished'> {
  return Value.Check(METHODS['task.finished'].params, told);
}

function withPointHash(result: Record<string, unknown>, pointHash: string | undefined): unknown {
  if (pointHash === undefined || typeof result.point !== 'object') return result;
  return { ...result, point: { ...result.point, hash: Buffer.from(pointHash, 'base64') } };
}
