import { type Failure, failureFromRecord, toFailure } from '@sealift/core';
import { createRepository, openRepository, type Repository } from '@sealift/repository';
import { type Static, Type } from 'typebox';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';
import { UUID_PATTERN } from '../storage/identifiers.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';
import { isSamePlace, normalPlace, type ObjectStorageMeans, storeAt } from './repository-place.ts';

const RegisteredSchema = Type.Object({
  id: Type.String({ pattern: UUID_PATTERN }),
  name: Type.String({ maxLength: 256 }),
  path: Type.String({ minLength: 1, maxLength: 4096 }),
});
const RegistrySchema = Type.Object({
  version: Type.Literal(1),
  repositories: Type.Array(RegisteredSchema, { maxItems: 10_000 }),
});

/** A repository that was closed by a passing trouble (disk not mounted yet, lease held) is tried again this often, ms. */
const REOPEN_INTERVAL = 30_000;

export type RepositoryStats = ReturnType<Repository['stats']>;

export interface RepositoryState {
  id: string;
  name: string;
  path: string;
  stats: RepositoryStats | undefined;
  /** Why it is not open. */
  failure: Failure | undefined;
}

interface Entry extends Static<typeof RegisteredSchema> {
  repository: Repository | undefined;
  failure: Failure | undefined;
}

/** Who opens a repository now: the id of this Transporter for the lease, and the authority that certified it. */
type Holder = () => { holder: string; authority: string };

/**
 * The repositories this Transporter serves, remembered in `repositories.json`. Each is opened on its own: one that
 * cannot be opened is reported, tried again, and does not stand in the way of the others.
 */
export class Repositories implements AsyncDisposable {
  readonly #path: string;
  readonly #holder: Holder;
  readonly #means: ObjectStorageMeans;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  #tail: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(path: string, holder: Holder, means: ObjectStorageMeans, log: Logger) {
    this.#path = path;
    this.#holder = holder;
    this.#means = means;
    this.#log = log;
  }

  /** Reads the registry and opens everything in it. */
  static async open(path: string, holder: Holder, means: ObjectStorageMeans, log: Logger): Promise<Repositories> {
    const registry = (await readJsonFile(path, RegistrySchema)) ?? { version: 1, repositories: [] };
    const repositories = new Repositories(path, holder, means, log);
    for (const registered of registry.repositories) {
      repositories.#entries.set(registered.id, { ...registered, repository: undefined, failure: undefined });
    }
    await repositories.#openClosed();
    repositories.#timer = setInterval(() => repositories.#reopen(), REOPEN_INTERVAL);
    repositories.#timer.unref();
    return repositories;
  }

  /** The open repository with this id, if there is one. */
  find(id: string): Repository | undefined {
    return this.#entries.get(id)?.repository;
  }

  /**
   * Refuses an id that is not served, and one whose repository is not open: with the reason itself when it lasts, so
   * that nobody waits in vain, else with `repository-closed`.
   */
  demand(id: string): Repository {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw fail('repository-unknown', `This Transporter has no repository ${id}`);
    if (entry.repository === undefined) {
      if (entry.failure !== undefined && isLasting(entry.failure)) throw failureFromRecord(entry.failure.toJSON());
      const why = entry.failure?.message ?? 'it is being opened';
      throw fail('repository-closed', `The repository ${entry.name} in ${entry.path} is not open: ${why}`, {
        cause: entry.failure,
      });
    }
    return entry.repository;
  }

  states(): RepositoryState[] {
    return [...this.#entries.values()].map(({ id, name, path, repository, failure }) => {
      return { id, name, path, stats: repository?.stats(), failure };
    });
  }

  /** Makes a repository in `path`, a folder or an `s3://` address. Asked again for a path it already made one in, it answers the same. */
  create(name: string, path: string): Promise<{ repositoryId: string; stats: RepositoryStats }> {
    return this.#inTurn(async () => {
      const folder = normalPlace(path);
      const known = this.#at(folder);
      if (known !== undefined) return this.#answer(known);
      const repository = (await this.#createAt(folder)) ?? (await this.#adoptEmpty(folder));
      return this.#register({ id: repository.id, name, path: folder, repository, failure: undefined });
    });
  }

  /** Serves the repository that is in `path`, which must be the one with the wanted id. */
  attach(id: string, path: string): Promise<{ repositoryId: string; stats: RepositoryStats }> {
    return this.#inTurn(async () => {
      const folder = normalPlace(path);
      const known = this.#entries.get(id);
      if (known !== undefined && known.path === folder) {
        await this.#tryOpen(known);
        return this.#answer(known);
      }
      const there = this.#at(folder);
      if (there !== undefined && there.id !== id) {
        throw fail('repository-conflict', `${folder} holds the repository ${there.id}, not ${id}`);
      }
      const repository = await this.#openAt(folder);
      if (repository.id !== id) {
        await repository[Symbol.asyncDispose]();
        throw fail('repository-conflict', `${folder} holds the repository ${repository.id}, not ${id}`);
      }
      await known?.repository?.[Symbol.asyncDispose]();
      return this.#register({ id, name: known?.name ?? id, path: folder, repository, failure: undefined });
    });
  }

  /** Serves whatever repository is in `path`. Asked again it answers the same. */
  adopt(name: string, path: string): Promise<{ repositoryId: string; stats: RepositoryStats }> {
    return this.#inTurn(async () => {
      const folder = normalPlace(path);
      const known = this.#at(folder);
      if (known !== undefined) {
        await this.#tryOpen(known);
        return this.#answer(known);
      }
      const repository = await this.#openAt(folder);
      const elsewhere = this.#entries.get(repository.id);
      if (elsewhere === undefined) {
        return this.#register({ id: repository.id, name, path: folder, repository, failure: undefined });
      }
      await repository[Symbol.asyncDispose]();
      throw fail('repository-conflict', `${repository.id} in ${folder} is served from ${elsewhere.path} already`);
    });
  }

  /** Stats of one repository; one that is closed is tried again first. */
  stats(id: string): Promise<{ repositoryId: string; stats: RepositoryStats }> {
    return this.#inTurn(async () => {
      const entry = this.#entries.get(id);
      if (entry?.repository === undefined && entry !== undefined) await this.#tryOpen(entry);
      return { repositoryId: id, stats: this.demand(id).stats() };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#tail;
    for (const entry of this.#entries.values()) {
      await entry.repository?.[Symbol.asyncDispose]();
      entry.repository = undefined;
    }
  }

  async #createAt(folder: string): Promise<Repository | undefined> {
    await using store = (await storeAt(folder, this.#means)).store;
    try {
      await createRepository(store);
    } catch (thrown) {
      if (toFailure(thrown).code === 'repository-exists') return undefined;
      throw thrown;
    }
    return this.#openAt(folder);
  }

  /** A crash between creation and registration leaves an empty repository, which is as good as a new one. */
  async #adoptEmpty(folder: string): Promise<Repository> {
    const repository = await this.#openAt(folder);
    const { points, chunks } = repository.stats();
    if (points === 0 && chunks === 0) return repository;
    await repository[Symbol.asyncDispose]();
    throw fail('repository-conflict', `${folder} already holds the repository ${repository.id} with ${points} points`);
  }

  async #openAt(folder: string): Promise<Repository> {
    const { store, ...cached } = await storeAt(folder, this.#means);
    const repository = await openRepository(store, { ...this.#holder(), ...cached });
    const where = { repository: repository.id, path: folder };
    for (const failure of repository.problems) this.#log.warn({ ...where, failure }, 'damage found in a repository');
    this.#log.info(where, 'repository open');
    return repository;
  }

  async #register(entry: Entry & { repository: Repository }) {
    const previous = this.#entries.get(entry.id);
    this.#entries.set(entry.id, entry);
    try {
      await this.#save();
    } catch (thrown) {
      if (previous === undefined) this.#entries.delete(entry.id);
      else this.#entries.set(entry.id, { ...previous, repository: undefined });
      await entry.repository[Symbol.asyncDispose]();
      throw thrown;
    }
    return this.#answer(entry);
  }

  #answer(entry: Entry): { repositoryId: string; stats: RepositoryStats } {
    return { repositoryId: entry.id, stats: this.demand(entry.id).stats() };
  }

  #at(folder: string): Entry | undefined {
    return [...this.#entries.values()].find((entry) => isSamePlace(entry.path, folder));
  }

  async #save(): Promise<void> {
    const repositories = [...this.#entries.values()].map(({ id, name, path }) => ({ id, name, path }));
    await writeJsonFile(this.#path, { version: 1, repositories });
  }

  #reopen(): void {
    this.#inTurn(() => this.#openClosed()).catch(() => {});
  }

  async #openClosed(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => this.#tryOpen(entry)));
  }

  async #tryOpen(entry: Entry): Promise<void> {
    if (entry.repository !== undefined) return;
    try {
      entry.repository = await this.#openExpected(entry);
      entry.failure = undefined;
    } catch (thrown) {
      const failure = toFailure(thrown);
      const fields = { repository: entry.id, path: entry.path, ...failureFields(thrown) };
      if (entry.failure?.message !== failure.message) this.#log.error(fields, 'repository not open');
      entry.failure = failure;
    }
  }

  async #openExpected(entry: Entry): Promise<Repository> {
    const repository = await this.#openAt(entry.path);
    if (repository.id === entry.id) return repository;
    await repository[Symbol.asyncDispose]();
    throw fail('repository-conflict', `${entry.path} now holds the repository ${repository.id}, not ${entry.id}`);
  }

  /** One change at a time, so that two requests for one path cannot both make a repository there. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      if (this.#closed) throw fail('stopping', 'This Transporter is stopping');
      return change();
    });
    this.#tail = result.catch(() => {});
    return result;
  }
}

/** A lease runs out and a disk gets mounted; a newer format or damage stays until somebody does something about it. */
function isLasting({ kind, code }: Failure): boolean {
  return (kind === 'refused' || kind === 'corrupt') && code !== 'repository-not-found';
}
