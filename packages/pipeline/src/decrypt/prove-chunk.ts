import type { KeyObject } from 'node:crypto';
import { releaseMemory } from '@sealift/core';
import { chunkKeysFromSecret } from '@sealift/crypto';
import type { ProveChunk } from '@sealift/repository';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { TargetPool } from './target-pool.ts';

/**
 * Has worker threads decompress in-flight chunks and make their ids, and those of bundle members, again.
 *
 * @param secretOf the dedup secret of a zone
 */
export function proveInFlight(workers: TargetPool, secretOf: (zone: Buffer) => Buffer): ProveChunk {
  const idKeys = new Map<string, KeyObject>();
  const idKeyOf = (zone: Buffer) => {
    const key = zone.toString('hex');
    const idKey = idKeys.get(key) ?? chunkKeysFromSecret(secretOf(zone)).idKey;
    idKeys.set(key, idKey);
    return idKey;
  };
  return async ({ zone, type, id, members, body }) => {
    const work = {
      type,
      id: ownBuffer(Buffer.from(id)),
      members: ownBuffer(Buffer.from(members)),
      body,
      by: { idKey: idKeyOf(zone) },
    };
    const proven = await workers.call('verify', work, [body.buffer]);
    releaseMemory(asBuffer(proven.body));
    return asBuffer(proven.checksum);
  };
}
