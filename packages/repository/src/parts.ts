import type { Failure } from '@sealift/core';
import type { RepositoryClock } from './clock.ts';
import { fail } from './failures.ts';
import type { RepositoryConfig } from './format/config.ts';
import type { DecodedKeyTable } from './format/key-table.ts';
import type { Lease } from './lease.ts';
import type { PointShelf } from './point-shelf.ts';
import type { RecordHost } from './read-record.ts';
import type { Sessions } from './sessions.ts';
import type { SnapshotKeeper } from './snapshot/snapshot-keeper.ts';
import type { InFlightZones } from './zones/in-flight-zones.ts';

/** What an open repository is made of. */
export interface Parts extends RecordHost {
  config: RepositoryConfig;
  /** Whose chunks are in-flight chunks. */
  zones: InFlightZones;
  /** Not encrypted at rest: dedup secrets of the zones of other repositories, by zone in hexadecimal. */
  zoneSecrets: Map<string, Buffer>;
  /** There when it is encrypted at rest. */
  keyTable: DecodedKeyTable | undefined;
  /** Absent when opened for reading. */
  lease: Lease | undefined;
  /** Absent when opened for reading. */
  sessions: Sessions | undefined;
  /** Absent when opened for reading, and where there is no place for them. */
  snapshots: SnapshotKeeper | undefined;
  shelf: PointShelf;
  clock: RepositoryClock;
  problems: Failure[];
  storedBytes: number;
  /** Undefined where the store cannot tell. */
  freeBytes: number | undefined;
}

export interface RightToWrite {
  lease: Lease;
  sessions: Sessions;
}

/** @throws Failure `opened-read-only` */
export function rightToWrite({ lease, sessions, store }: Parts): RightToWrite {
  if (lease === undefined || sessions === undefined)
    throw fail('opened-read-only', `The repository ${store.location} is open for reading only.`);
  return { lease, sessions };
}
