import type { ChunkType } from '@sealift/crypto';
import type { Dedup } from '../dedup/dedup.ts';
import type { ProgressMeter } from '../progress.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import { ThreadPool } from '../threads/pool.ts';
import type { BackupSession } from '../transfer/backup-session.ts';
import type { StoreChunk } from '../tree/index-levels.ts';
import type { PutChunk, SourceMainMethods, SourceWorkerData, SourceWorkerMethods } from './thread-messages.ts';

export type SourcePool = ThreadPool<SourceWorkerMethods, SourceMainMethods>;

/** Starts the workers of a backup and answers what they ask: dedup verdicts, and room for what they made. */
export function startSourceWorkers(
  size: number,
  settings: SourceWorkerData,
  dedup: Dedup,
  session: BackupSession,
  meter: ProgressMeter,
): SourcePool {
  return new ThreadPool(new URL('./source-worker.ts', import.meta.url), size, settings, {
    askChunks: async (ids) => ({ result: await dedup.chunks(asBuffer(ids)) }),
    askMembers: async (ids) => ({ result: await dedup.members(asBuffer(ids)) }),
    put: async (chunk) => {
      await accept(chunk, dedup, session, meter);
      return { result: undefined };
    },
    read: async (bytes) => {
      meter.add('bytesRead', bytes);
      return { result: undefined };
    },
  });
}

async function accept(put: PutChunk, dedup: Dedup, session: BackupSession, meter: ProgressMeter): Promise<void> {
  const id = asBuffer(put.id);
  const members = asBuffer(put.members);
  if (members.length > 0) dedup.bundled(id, splitIds(members));
  meter.add('bytesNew', put.plaintextLength);
  meter.add('bytesStored', put.body.length);
  await session.put({ type: put.type, id, members, body: asBuffer(put.body) });
}

function splitIds(ids: Buffer): Buffer[] {
  return Array.from({ length: ids.length / 32 }, (_, i) => ids.subarray(i * 32, i * 32 + 32));
}

/** Chunks made of anything but file data go the same way as those of files. */
export function storeWith(pool: SourcePool): StoreChunk {
  return async (type: ChunkType, plaintext: Buffer) => {
    const own = ownBuffer(plaintext);
    return asBuffer(await pool.call('store', { type, plaintext: own }, [own.buffer as ArrayBuffer]));
  };
}
