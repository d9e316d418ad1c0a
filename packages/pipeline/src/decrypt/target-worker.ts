import { parentPort, workerData } from 'node:worker_threads';
import { StageClock } from '@sealift/core';
import { ThreadChannel } from '../threads/channel.ts';
import type { TargetWorkerMethods } from './target-messages.ts';
import { verifyChunk } from './verify-chunk.ts';

const clock = new StageClock(workerData as SharedArrayBuffer);

new ThreadChannel<Record<string, never>, TargetWorkerMethods>(parentPort as NonNullable<typeof parentPort>, {
  verify: async (work) => {
    const result = verifyChunk(work, clock);
    return { result, transfer: [result.body.buffer as ArrayBuffer] };
  },
});
