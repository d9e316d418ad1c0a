import { type Failure, failureFromRecord, toFailure } from '@sealift/core';
import type { FirstSlot, Repository } from '@sealift/repository';
import { type Static, Type } from 'typebox';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';
import { UUID_PATTERN } from '../storage/identifiers.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';
import { type Holder, Opener, type OpeningMeans } from './open-at.ts';
import { type ToldRepository, tell } from './repository-keys.ts';
import { isSamePlace, normalPlace } from './repository-place.ts';

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

/**
 * The repositories this Transporter serves, remembered in `repositories.json`. Each is opened on its own: one that
 * cannot be opened is reported, tried again, and does not stand in the way of the others.
 */
export class Repositories implements AsyncDisposable {
  readonly #path: string;
  readonly #opener: Opener;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  #tail: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(path: string, opener: Opener, log: Logger) {
    this.#path = path;
    this.#opener = opener;
    this.#log = log;
  }

  /** Reads the registry and opens everything in it. */
  static async open(path: string, holder: Holder, means: OpeningMeans, log: Logger): Promise<Repositories> {
    const registry = (await readJsonFile(path, RegistrySchema)) ?? { version: 1, repositories: [] };
    const repositories = new Repositories(path, new Opener(holder, means, log), log);
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

  /** For work on its contents: as `opened`, and refuses a locked one with `repository-locked`. */
  demand(id: string): Repository {
    const repository = this.opened(id);
    if (repository.encryption?.locked !== true) return repository;
    const name = this.#entries.get(id)?.name ?? id;
    throw fail('repository-locked', `The repository ${name} is encrypted at rest and locked.`);
  }

  /**
   * Refuses an id that is not served, and one whose repository is not open: with the reason itself when it lasts, so
   * that nobody waits in vain, else with `repository-closed`.
   */
  opened(id: string): Repository {
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
  create(name: string, path: string, encryption?: FirstSlot): Promise<ToldRepository> {
    return this.#inTurn(async () => {
      const folder = normalPlace(path);
      const known = this.#at(folder);
      if (known !== undefined) return this.#madeBefore(known, encryption);
      const repository =
        (await this.#opener.create(folder, encryption)) ??
        (await this.#opener.openEmpty(folder, encryption !== undefined));
      return this.#register({ id: repository.id, name, path: folder, repository, failure: undefined });
    });
  }

  /** Serves the repository that is in `path`, which must be the one with the wanted id. */
  attach(id: string, path: string): Promise<ToldRepository> {
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
      const repository = await this.#opener.openExpected(folder, id);
      await known?.repository?.[Symbol.asyncDispose]();
      return this.#register({ id, name: known?.name ?? id, path: folder, repository, failure: undefined });
    });
  }

  /** Serves whatever repository is in `path`. Asked again it answers the same. */
  adopt(name: string, path: string): Promise<ToldRepository> {
    return this.#inTurn(async () => {
      const folder = normalPlace(path);
      const known = this.#at(folder);
      if (known !== undefined) {
        await this.#tryOpen(known);
        return this.#answer(known);
      }
      const repository = await this.#opener.open(folder);
      const elsewhere = this.#entries.get(repository.id);
      if (elsewhere === undefined) {
        return this.#register({ id: repository.id, name, path: folder, repository, failure: undefined });
      }
      await repository[Symbol.asyncDispose]();
      throw fail('repository-conflict', `${repository.id} in ${folder} is served from ${elsewhere.path} already`);
    });
  }

  /** Serves it no longer, durably. What runs on it ends as when the Transporter stops. */
  leave(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entries.get(id);
      if (entry === undefined) return;
      this.#entries.delete(id);
      try {
        await this.#save();
      } catch (thrown) {
        this.#entries.set(id, entry);
        throw thrown;
      }
      await entry.repository?.[Symbol.asyncDispose]();
      this.#log.info({ repository: id, path: entry.path }, 'repository left');
    });
  }

  /** Stats of one repository; one that is closed, or need not be read-only any more, is opened first. */
  stats(id: string): Promise<ToldRepository> {
    return this.#inTurn(async () => {
      const entry = this.#entries.get(id);
      if (entry !== undefined) await this.#tryOpen(entry);
      return tell(this.opened(id));
    });
  }

  /** Changes something about one repository, locked or not, while nothing is opened, made or changed elsewhere. */
  change(id: string, change: (repository: Repository) => Promise<void>): Promise<ToldRepository> {
    return this.#inTurn(async () => {
      const repository = this.opened(id);
      await change(repository);
      return tell(repository);
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

  /** The same request once more; one for another kind of repository must not pass for it. */
  #madeBefore(known: Entry, encryption: FirstSlot | undefined): ToldRepository {
    const slots = this.opened(known.id).encryption?.state.slots;
    const asAsked =
      encryption === undefined ? slots === undefined : slots?.some(({ id }) => id.equals(encryption.slot.id)) === true;
    if (asAsked) return this.#answer(known);
    const is = slots === undefined ? 'is not encrypted at rest' : 'is encrypted at rest, with other keys';
    throw fail('repository-conflict', `${known.path} already holds the repository ${known.id}, which ${is}`);
  }

  #answer(entry: Entry): ToldRepository {
    return tell(this.opened(entry.id));
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
    await this.#closeOutdated(entry);
    if (entry.repository !== undefined) return await this.#opener.unlock(entry.repository);
    try {
      entry.repository = await this.#opener.openExpected(entry.path, entry.id);
      entry.failure = undefined;
    } catch (thrown) {
      const failure = toFailure(thrown);
      const fields = { repository: entry.id, path: entry.path, ...failureFields(thrown) };
      if (entry.failure?.message !== failure.message) this.#log.error(fields, 'repository not open');
      entry.failure = failure;
    }
  }

  /** One whose index came back damaged from the disk of this machine, and one that need not be read-only any more. */
  async #closeOutdated(entry: Entry): Promise<void> {
    const { repository, path } = entry;
    if (repository === undefined) return;
    const why = repository.isIndexDamaged ? 'index damaged' : 'filesystem writable';
    if (!repository.isIndexDamaged && !(repository.readOnly && (await this.#opener.isWritable(path)))) return;
    this.#log.warn({ repository: entry.id, path, why }, 'opening a repository anew');
    entry.repository = undefined;
    try {
      await repository[Symbol.asyncDispose]();
    } catch (thrown) {
      this.#log.warn({ repository: entry.id, ...failureFields(thrown) }, 'repository not closed cleanly');
    }
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
