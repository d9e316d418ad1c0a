import { timingSafeEqual } from 'node:crypto';
import { uuidText } from '@sealift/crypto';
import type { RepositoryEncryption } from '../at-rest/repository-encryption.ts';
import { fail } from '../failures.ts';
import { MOST_ZONES } from '../format/zone-secret.ts';
import type { PackTable } from '../index/pack-table.ts';
import type { Parts } from '../parts.ts';
import { writeZoneFiles } from './zone-files.ts';

type Host = Pick<Parts, 'store' | 'config' | 'zones' | 'zoneSecrets'> & { table: PackTable };

/** What keys the ids of in-flight chunks, zone by zone. */
export class ZoneSecrets {
  readonly #host: Host;
  readonly #encryption: RepositoryEncryption | undefined;
  readonly #confirmWritable: () => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: Host, encryption: RepositoryEncryption | undefined, confirmWritable: () => Promise<void>) {
    this.#host = host;
    this.#encryption = encryption;
    this.#confirmWritable = confirmWritable;
  }

  /** Whether chunks of this zone are in-flight chunks. */
  has(zone: Buffer): boolean {
    return this.#host.zones.has(zone);
  }

  /** 32 bytes. @throws Failure `repository-locked`, `zone-unknown` */
  of(zone: Buffer): Buffer {
    const { config } = this.#host;
    const own = zone.equals(config.id);
    if (this.#encryption !== undefined) {
      const secret = own ? this.#encryption.dedupSecret : this.#encryption.zoneSecret(zone);
      return secret ?? this.#unknown(zone);
    }
    return own ? config.dedupSecret : (this.#host.zoneSecrets.get(zone.toString('hex')) ?? this.#unknown(zone));
  }

  /**
   * Takes the zone of another repository in, durably, so that chunks of it can be stored. Once in, its secret stays: what
   * is stored has ids under it. @throws Failure `zone-differs`, `wrong-zone`, `format-limit`, `repository-locked`
   */
  keep(zone: Buffer, dedupSecret: Buffer): Promise<void> {
    const turn = this.#last.then(() => this.#keep(zone, dedupSecret));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #keep(zone: Buffer, dedupSecret: Buffer): Promise<void> {
    const { store, config, zones, zoneSecrets, table } = this.#host;
    if (this.has(zone)) {
      if (timingSafeEqual(this.of(zone), dedupSecret)) return;
      throw fail('zone-differs', `${store.location} has another dedup secret of the zone ${uuidText(zone)} already.`);
    }
    if (table.isSealedBySources(zone)) {
      throw fail('wrong-zone', `${uuidText(zone)} is an encryption domain in ${store.location}, not a repository.`);
    }
    if (this.#encryption !== undefined) await this.#encryption.addZone(zone, dedupSecret);
    else {
      if (zoneSecrets.size >= MOST_ZONES) throw fail('format-limit', `A repository has at most ${MOST_ZONES} zones.`);
      await this.#confirmWritable();
      await writeZoneFiles(store, { repositoryId: config.id, zone, dedupSecret });
      zoneSecrets.set(zone.toString('hex'), Buffer.from(dedupSecret));
    }
    zones.add(zone);
  }

  #unknown(zone: Buffer): never {
    const { location } = this.#host.store;
    throw fail('zone-unknown', `The dedup secret of the zone ${uuidText(zone)} is not in the repository ${location}.`);
  }
}
