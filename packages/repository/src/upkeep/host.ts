import type { RepositoryEncryption } from '../at-rest/repository-encryption.ts';
import type { RepositoryConfig } from '../format/config.ts';
import type { PackTable } from '../index/pack-table.ts';
import type { PointRecord } from '../points.ts';
import type { Store } from '../store/store.ts';

/** What upkeep needs of an open repository. */
export interface UpkeepHost {
  store: Store;
  config: RepositoryConfig;
  table: PackTable;
  /** There when it is encrypted at rest. */
  encryption: RepositoryEncryption | undefined;
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
