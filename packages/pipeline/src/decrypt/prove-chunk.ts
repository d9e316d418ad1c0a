import { releaseMemory } from '@sealift/core';
import { chunkKeysFromSecret } from '@sealift/crypto';
import type { ProveChunk } from '@sealift/repository';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { TargetPool } from './target-pool.ts';

/** Has worker threads decompress in-flight chunks and make their ids, and those of bundle members, again. */
export function proveInFlight(workers: TargetPool, dedupSecret: Buffer): ProveChunk {
  const { idKey } = chunkKeysFromSecret(dedupSecret);
  return async ({ type, id, members, body }) => {
    const work = {
      type,
      id: ownBuffer(Buffer.from(id)),
      members: ownBuffer(Buffer.from(members)),
      body,
      by: { idKey },
    };
    const proven = await workers.call('verify', work, [body.buffer]);
    releaseMemory(asBuffer(proven.body));
    return asBuffer(proven.checksum);
  };
}
