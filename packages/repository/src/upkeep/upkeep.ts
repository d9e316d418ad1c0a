import type { RepositoryEncryption } from '../at-rest/repository-encryption.ts';
import { type Rotation, rotateMasterKey } from '../at-rest/rotate-master-key.ts';
import { type Parts, rightToWrite } from '../parts.ts';
import type { PointRecord } from '../points.ts';
import type { ZoneSecrets } from '../zones/zone-secrets.ts';
import { type CollectHost, collect } from './collect.ts';
import type { CollectOptions, CollectReport, Resealing } from './collection.ts';
import { Collector } from './collector.ts';
import type { UpkeepHost } from './host.ts';
import { type Repair, type RepairOptions, repairRepository } from './repair.ts';
import { type Verification, type VerifyOptions, verifyRepository } from './verify.ts';

/** What upkeep needs of the repository that is served, beside its parts. */
export interface Served {
  parts: Parts;
  encryption: RepositoryEncryption | undefined;
  zones: ZoneSecrets;
  points(): Promise<PointRecord[]>;
  /** Numbers of the master keys under which running sessions seal. */
  epochsBeingWritten(): number[];
  /** Writes the second copy of a recovery point's file, if the point is still there. */
  keepSpare(pointId: string): Promise<void>;
  /** Told by how many bytes the finished packs grew or shrank. */
  onStored(bytes: number): void;
}

/** Verification, repair, collection and rotation of the master key of an open repository. Disposing ends what takes packs away. */
export class Upkeep implements AsyncDisposable {
  readonly #served: Served;
  readonly #collector: Collector;

  constructor(served: Served) {
    this.#served = served;
    this.#collector = new Collector(served.parts.store);
  }

  async collect(options: CollectOptions, signal: AbortSignal): Promise<CollectReport> {
    const { lease } = rightToWrite(this.#served.parts);
    return await this.#collector.alone(
      options.dryRun === true ? undefined : lease,
      (either, confirm) => collect(this.#collectHost(confirm), options, either),
      signal,
    );
  }

  async rotateMasterKey(options: CollectOptions & { resumed: boolean }, signal: AbortSignal): Promise<Rotation> {
    const { parts, encryption, epochsBeingWritten } = this.#served;
    const { location } = parts.store;
    const epochsInUse = () => new Set([...epochsBeingWritten(), ...parts.table.masterEpochs()]);
    const rotate = (either: AbortSignal, confirm: () => Promise<void>) => {
      const host = this.#collectHost(confirm);
      const sealAnew = (resealing: Resealing) => collect({ ...host, resealing }, options, either);
      return rotateMasterKey({ encryption, location, collect: sealAnew, epochsInUse }, options);
    };
    return await this.#collector.alone(rightToWrite(parts).lease, rotate, signal);
  }

  verify(options: VerifyOptions, signal?: AbortSignal): Promise<Verification> {
    return verifyRepository(this.#host(), options, signal);
  }

  async repair(options: RepairOptions, signal?: AbortSignal): Promise<Repair> {
    const { parts, onStored } = this.#served;
    const lease = options.dryRun === true ? undefined : rightToWrite(parts).lease;
    const host = { ...this.#host(), onStored };
    return await this.#collector.alone(
      lease,
      (either, confirmLease) => repairRepository({ ...host, confirmLease }, options, either),
      signal,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#collector[Symbol.asyncDispose]();
  }

  #collectHost(confirmLease: () => Promise<void>): CollectHost {
    const { parts, onStored, keepSpare } = this.#served;
    const { store, table } = parts;
    return { store, table, sessions: rightToWrite(parts).sessions, onStored, keepSpare, confirmLease };
  }

  #host(): UpkeepHost {
    const { parts, encryption, zones, points } = this.#served;
    const { store, config, table, lease, zoneSecrets } = parts;
    return { store, config, table, encryption, zones, zoneSecrets, readOnly: lease === undefined, points };
  }
}
