import type { RepositoryEncryption } from '../at-rest/repository-encryption.ts';
import type { RepositoryConfig } from '../format/config.ts';
import type { PackTable } from '../index/pack-table.ts';
import type { PointRecord } from '../points.ts';
import type { Store } from '../store/store.ts';
import type { ZoneSecrets } from '../zones/zone-secrets.ts';

/** What upkeep needs of an open repository. */
export interface UpkeepHost {
  store: Store;
  config: RepositoryConfig;
  table: PackTable;
  /** There when it is encrypted at rest. */
  encryption: RepositoryEncryption | undefined;
  /** Of the in-flight zones. */
  zones: ZoneSecrets;
  /** Where it is not encrypted at rest: of the zones of other repositories, by zone in hexadecimal. */
  zoneSecrets: ReadonlyMap<string, Buffer>;
  readOnly: boolean;
  points(): Promise<PointRecord[]>;
}

/** What repair needs besides. */
export interface RepairHost extends UpkeepHost {
  /** Asks the store whether this program still owns the repository; before everything that takes something away. */
  confirmLease(): Promise<void>;
  /** Told by how many bytes the finished packs grew or shrank. */
  onStored(bytes: number): void;
}
