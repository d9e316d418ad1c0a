import { access, constants } from 'node:fs/promises';
import { type Failure, toFailure } from '@sealift/core';
import type { Unlock } from '@sealift/pipeline';
import {
  createRepository,
  type FirstSlot,
  type IndexMemory,
  openRepository,
  type Repository,
} from '@sealift/repository';
import { fail } from '../failures.ts';
import { failureFields, type Logger } from '../logger.ts';
import { type PlaceMeans, storeAt } from './repository-place.ts';

/** What opening a repository needs beside the path. */
export interface OpeningMeans extends PlaceMeans {
  /** Unlocks repositories that are encrypted at rest without being asked; absent where no service is set up here. */
  unlock?: Unlock;
  /** For the indexes of all repositories. */
  indexMemory?: IndexMemory;
}

/** Who opens a repository now: the id of this Transporter for the lease, and the authority that certified it. */
export type Holder = () => { holder: string; authority: string };

/** Makes and opens repositories in the name of this Transporter. */
export class Opener {
  readonly #holder: Holder;
  readonly #means: OpeningMeans;
  readonly #log: Logger;

  constructor(holder: Holder, means: OpeningMeans, log: Logger) {
    this.#holder = holder;
    this.#means = means;
    this.#log = log;
  }

  /** Undefined if there is a repository already. */
  async create(place: string, encryption: FirstSlot | undefined): Promise<Repository | undefined> {
    await using store = (await storeAt(place, this.#means)).store;
    try {
      await createRepository(store, encryption);
    } catch (thrown) {
      if (toFailure(thrown).code === 'repository-exists') return undefined;
      throw thrown;
    }
    const repository = await this.open(place);
    if (encryption !== undefined) repository.encryption?.unlock(encryption.slot.id, encryption.slotKey);
    return repository;
  }

  /** A crash between creation and registration leaves an empty repository, which is as good as a new one without keys. */
  async openEmpty(place: string, withKeys: boolean): Promise<Repository> {
    const repository = await this.open(place);
    const { points, chunks } = repository.stats();
    const keyed = withKeys || repository.encryption !== undefined;
    if (points === 0 && chunks === 0 && !keyed) return repository;
    await repository[Symbol.asyncDispose]();
    throw fail('repository-conflict', `${place} already holds the repository ${repository.id} with ${points} points`);
  }

  /** The repository that is there, unlocked if a service here can do that; for reading alone where the filesystem is. */
  async open(place: string): Promise<Repository> {
    const repository = await this.#openFor(place, {}).catch((thrown) => {
      if (toFailure(thrown).code !== 'read-only') throw thrown;
      const what = `The filesystem of the repository in ${place} is read-only`;
      const trouble = fail('repository-read-only', `${what}: it can be restored from, and no run can write to it.`);
      return this.#openFor(place, { readOnly: true, trouble });
    });
    const { id, problems, readOnly, encryption } = repository;
    for (const failure of problems) this.#log.warn({ repository: id, path: place, failure }, 'trouble in a repository');
    await this.unlock(repository);
    this.#log.info({ repository: id, path: place, readOnly, locked: encryption?.locked }, 'repository open');
    return repository;
  }

  /** The one with this id. @throws Failure `repository-conflict` when another is there */
  async openExpected(place: string, id: string): Promise<Repository> {
    const repository = await this.open(place);
    if (repository.id === id) return repository;
    await repository[Symbol.asyncDispose]();
    throw fail('repository-conflict', `${place} holds the repository ${repository.id}, not ${id}`);
  }

  /** Whether what was opened for reading can be opened for writing now. */
  async isWritable(place: string): Promise<boolean> {
    return await access(place, constants.W_OK).then(
      () => true,
      () => false,
    );
  }

  /** Left locked when the service is away: the Director may have the key, and the next round tries again. */
  async unlock({ id, encryption }: Repository): Promise<void> {
    const { unlock } = this.#means;
    if (unlock === undefined || encryption?.locked !== true) return;
    await unlock(encryption).catch((thrown) => {
      this.#log.warn(
        { repository: id, ...failureFields(thrown) },
        'repository not unlocked by the service set up here',
      );
    });
  }

  async #openFor(place: string, purpose: { readOnly?: true; trouble?: Failure }): Promise<Repository> {
    const { store, ...cached } = await storeAt(place, this.#means);
    const { indexMemory } = this.#means;
    const limited = indexMemory === undefined ? {} : { indexMemory };
    return await openRepository(store, { ...this.#holder(), ...cached, ...limited, ...purpose });
  }
}
