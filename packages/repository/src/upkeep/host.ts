import type { RepositoryConfig } from '../format/config.ts';
import type { PackTable } from '../index/pack-table.ts';
import type { PointRecord } from '../points.ts';
import type { Store } from '../store/store.ts';

/** What upkeep needs of an open repository. */
export interface UpkeepHost {
  store: Store;
  config: RepositoryConfig;
  table: PackTable;
  readOnly: boolean;
  points(): Promise<PointRecord[]>;
}
