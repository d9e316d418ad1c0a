import { toFailure } from '@sealift/core';
import type { ComparisonResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import { lastComparison, recordComparison } from '../db/comparisons.ts';
import { everyRepository, type Repository } from '../db/repositories.ts';
import { raiseAlarm } from '../events/alarms.ts';
import { isoTime } from '../resources/time.ts';
import { comparePoints, type Differences, type NamedPoint } from './compare-points.ts';
import { alarmOf, countOf, digestOf } from './report-differences.ts';

const DAY = 24 * 60 * 60 * 1000;
/** How often it is looked whether a comparison is due, ms. */
const LOOK_EVERY = 60 * 60 * 1000;
/** Points of each kind that are kept. */
const LISTED = 100;

/** Compares what targets show with what was recorded: at each opening, daily, and on demand; never while points are removed. */
export class Comparisons implements Disposable {
  readonly #context: Context;
  readonly #timer: NodeJS.Timeout;

  constructor(context: Context) {
    this.#context = context;
    this.#timer = setInterval(() => void this.#compareDue(), LOOK_EVERY);
    this.#timer.unref();
  }

  /** @throws Failure `transporter-away`, or what its target says */
  compare(repository: Repository): Promise<ComparisonResource> {
    return this.#context.turns.run(() => this.#compare(repository));
  }

  /** Without an answer: a target that is away is compared when it comes back. */
  async compareSoon(repository: Repository): Promise<void> {
    try {
      await this.compare(repository);
    } catch (thrown) {
      this.#context.log.info({ repository: repository.name, failure: toFailure(thrown) }, 'points not compared now');
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #compareDue(): Promise<void> {
    const { db, repositories, signal } = this.#context;
    for (const repository of await everyRepository(db)) {
      const last = await lastComparison(db, repository.id);
      const due = last === undefined || Date.now() - Date.parse(last.comparison.at) > DAY;
      if (due && !signal.aborted && repositories.of(repository.id)?.stats !== undefined) {
        await this.compareSoon(repository);
      }
    }
  }

  async #compare(repository: Repository): Promise<ComparisonResource> {
    const { db, connections, log, signal } = this.#context;
    const { id, name, transporterId, transporterName } = repository;
    const session = connections.required({ id: transporterId, name: transporterName });
    const differences = await comparePoints(this.#context, session, repository, signal);
    const comparison = resource(repository, differences);
    const digest = digestOf(differences);
    const before = await lastComparison(db, id);
    await recordComparison(db, id, { digest, comparison });
    const { shown, recorded } = differences;
    log.info({ repository: name, shown, recorded, differences: comparison.differences }, 'points compared');
    if (comparison.differences > 0 && before?.digest !== digest) {
      await raiseAlarm(this.#context, alarmOf(differences, repository));
    }
    return comparison;
  }
}

function resource({ id, name }: Repository, differences: Differences): ComparisonResource {
  const { shown, recorded, missing, replaced, unknown, outOfChain } = differences;
  return {
    repository: { id, name },
    at: isoTime(Date.now()),
    shown,
    recorded,
    missing: named(missing),
    replaced: named(replaced),
    unknown: named(unknown),
    outOfChain: named(outOfChain),
    differences: countOf(differences),
  };
}

function named(points: NamedPoint[]): ComparisonResource['missing'] {
  return points.slice(0, LISTED).map(({ id, jobId, sequence }) => ({ point: id, job: jobId, sequence }));
}
