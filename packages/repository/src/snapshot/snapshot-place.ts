import { isSnapshotName, SNAPSHOT_FOLDER, snapshotName } from '../layout.ts';
import type { MetadataCache } from '../metadata-cache.ts';
import type { Store } from '../store/store.ts';

/** Longest file of a snapshot, bytes; a head of that size names the runs and pieces of many billions of chunks. */
const LONGEST = 256 * 1024 * 1024;

/** Where the files of a snapshot are kept. They may be lost or damaged at any time. */
export interface SnapshotPlace {
  /** Undefined or a failure if it is not there. */
  read(name: string): Promise<Buffer<ArrayBuffer> | undefined>;
  write(name: string, bytes: Buffer<ArrayBuffer>): Promise<void>;
  /** Removes all others. */
  keepOnly(names: ReadonlySet<string>): Promise<void>;
}

/** Beside the repository, or where that is far away, among the copies on this machine, if it keeps any. */
export function snapshotPlace(store: Store, cache: MetadataCache | undefined): SnapshotPlace | undefined {
  if (store.packing.growsDurably) return placeInStore(store);
  return cache && placeInCache(cache);
}

function placeInStore(store: Store): SnapshotPlace {
  return {
    async read(name) {
      const { tail, length } = await store.readTail(snapshotName(name), LONGEST);
      return tail.length === length ? tail : undefined;
    },
    async write(name, bytes) {
      const file = await store.grow(`${crypto.randomUUID()}.tmp`);
      try {
        await file.append([bytes]);
        await file.publish(snapshotName(name));
      } catch (thrown) {
        await file.discard();
        throw thrown;
      }
      await file[Symbol.asyncDispose]();
    },
    async keepOnly(names) {
      const kept = new Set([...names].map(snapshotName));
      for (const name of await store.list(SNAPSHOT_FOLDER)) {
        if (isSnapshotName(name) && !kept.has(name)) await store.remove(name);
      }
    },
  };
}

/** The oldest make room there. */
function placeInCache(cache: MetadataCache): SnapshotPlace {
  return {
    async read(name) {
      return (await cache.get(snapshotName(name)))?.tail;
    },
    write: (name, bytes) => cache.put(snapshotName(name), { tail: bytes, length: bytes.length }),
    async keepOnly() {},
  };
}
