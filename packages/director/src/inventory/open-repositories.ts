import { type Failure, retrying, toFailure } from '@sealift/core';
import type { RepositoryKeys, RepositoryStats, RepositoryState as ToldState } from '@sealift/wire';
import type { Repository } from '../db/repositories.ts';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { Session } from './connections.ts';

/** Opening replays what a crash has left, which takes a while in a large repository, ms. */
export const LONGEST_OPENING = 10 * 60 * 1000;
const LONGEST_ANSWER = 30_000;

export interface RepositoryState {
  stats?: RepositoryStats;
  /** Where it is encrypted at rest. */
  keys?: RepositoryKeys;
  /** Why a locked one could not be unlocked without being asked. */
  whyLocked?: Failure;
  /** Why the target cannot open it. */
  failure?: Failure;
}

/** Which repositories their targets have open, and what the targets reported of them last. */
export class OpenRepositories {
  readonly #states = new Map<string, RepositoryState>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  of(repositoryId: string): RepositoryState | undefined {
    return this.#states.get(repositoryId);
  }

  /** Why its target will not open it, however often it is asked. */
  refusalOf(repositoryId: string): Failure | undefined {
    const failure = this.#states.get(repositoryId)?.failure;
    return failure?.kind === 'retry' ? undefined : failure;
  }

  /** What a target told of the repository it was asked about. @throws Failure `answer-unfit` when it tells of another */
  opened(asked: string, { repositoryId, stats, keys }: ToldState): void {
    if (repositoryId !== asked) {
      throw fail('answer-unfit', `A target that was asked about the repository ${asked} answered for ${repositoryId}.`);
    }
    const whyLocked = keys?.locked === true ? this.#states.get(repositoryId)?.whyLocked : undefined;
    const locked = whyLocked === undefined ? {} : { whyLocked };
    this.#states.set(repositoryId, { stats, ...(keys === undefined ? {} : { keys }), ...locked });
  }

  /** The reason is told to whoever waits for it. */
  notUnlocked(repositoryId: string, whyLocked: Failure): void {
    const state = this.#states.get(repositoryId);
    if (state !== undefined) this.#states.set(repositoryId, { ...state, whyLocked });
  }

  forget(repositories: Repository[]): void {
    for (const { id } of repositories) this.#states.delete(id);
  }

  /**
   * Has a target open a repository, again and again while the failure may pass (a lease that a crashed process left
   * runs out by itself). Resolves when it is open, is refused, or the connection has ended.
   */
  async open({ peer }: Session, { id, name, path }: Repository, signal: AbortSignal): Promise<void> {
    const attempt = async () => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_OPENING)]);
      return await peer.call('repository.open', { repositoryId: id, path }, limit);
    };
    const onRetry = (failure: Failure) => this.#failed(id, name, failure);
    const policy = { firstDelay: 1_000, longestDelay: 15_000, patience: Number.MAX_SAFE_INTEGER, onRetry };
    try {
      const state = await retrying(attempt, policy, signal);
      this.opened(id, state);
      this.#log.info({ repository: name, stats: state.stats, locked: state.keys?.locked }, 'repository open');
    } catch (thrown) {
      if (!signal.aborted) this.#failed(id, name, toFailure(thrown));
    }
  }

  /** Asks the target for fresh figures; an older answer stands when it does not give them. */
  async refresh({ peer }: Session, { id, name }: { id: string; name: string }): Promise<void> {
    try {
      const limit = AbortSignal.timeout(LONGEST_ANSWER);
      this.opened(id, await peer.call('repository.stats', { repositoryId: id }, limit));
    } catch (thrown) {
      this.#log.debug({ repository: name, failure: toFailure(thrown) }, 'no figures of the repository');
    }
  }

  #failed(id: string, name: string, failure: Failure): void {
    this.#states.set(id, { failure });
    this.#log.warn({ repository: name, failure }, 'the target cannot open the repository');
  }
}
