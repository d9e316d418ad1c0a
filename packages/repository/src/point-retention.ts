import { orderedParallel, toFailure } from '@sealift/core';
import { ID_LENGTH } from './format/limits.ts';
import type { PackTable } from './index/pack-table.ts';
import { CONFIG_NAME, KEYS_FOLDER, pointName, referencesName, zoneName } from './layout.ts';
import type { Parts } from './parts.ts';
import { storedReferences } from './point-runs.ts';
import type { PointRecord } from './points.ts';
import type { Store } from './store/store.ts';

const AT_ONCE = 16;
const ATTEMPTS = 5;

/**
 * Hands the locks of recovery points on to a store that can enforce them against everybody, whoever's credentials they
 * hold: all files without which a locked point could not be restored are kept there until its lock ends.
 */
export class PointRetention {
  readonly #store: Store;
  readonly #table: PackTable;
  /** By the zone in hexadecimal. */
  readonly #zoneFiles: ReadonlyMap<string, unknown>;
  /** Names known to be retained, and until when, so that each is asked for once. */
  readonly #retained = new Map<string, number>();

  constructor({ store, table, zoneSecrets }: Pick<Parts, 'store' | 'table' | 'zoneSecrets'>) {
    this.#store = store;
    this.#table = table;
    this.#zoneFiles = zoneSecrets;
  }

  /** A point whose lock was just set. May be called again; does nothing where the store cannot do it. */
  async keep(point: PointRecord): Promise<PointRecord> {
    const { lockedUntil } = point;
    if (lockedUntil === undefined || !(await this.#store.canRetain())) return point;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#keepAll(await this.#namesOf(point), lockedUntil);
        return point;
      } catch (thrown) {
        // A collection may have moved chunks into another pack meanwhile.
        if (toFailure(thrown).code !== 'file-missing' || attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async #keepAll(names: Set<string>, until: number): Promise<void> {
    const wanting = [...names].filter((name) => (this.#retained.get(name) ?? 0) < until);
    const keep = async (name: string) => {
      await this.#store.retain(name, until);
      this.#retained.set(name, until);
    };
    for await (const _ of orderedParallel(wanting, AT_ONCE, keep));
  }

  async #namesOf({ id, zone }: PointRecord): Promise<Set<string>> {
    // Of what is kept twice, one copy is enough.
    const names = new Set([CONFIG_NAME, pointName(id), referencesName(id), ...(await this.#store.list(KEYS_FOLDER))]);
    if (this.#zoneFiles.has(zone.toString('hex'))) names.add(zoneName(zone));
    for await (const ids of storedReferences(this.#store, id)) {
      for (let i = 0; i < ids.length; i += ID_LENGTH) {
        const found = this.#table.chunk(zone, ids.subarray(i, i + ID_LENGTH));
        if (found !== undefined) names.add(found.in.name);
      }
    }
    return names;
  }
}
