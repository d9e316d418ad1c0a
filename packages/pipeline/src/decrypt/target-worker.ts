import { parentPort } from 'node:worker_threads';
import { ThreadChannel } from '../threads/channel.ts';
import type { TargetWorkerMethods } from './target-messages.ts';
import { verifyChunk } from './verify-chunk.ts';

new ThreadChannel<Record<string, never>, TargetWorkerMethods>(parentPort as NonNullable<typeof parentPort>, {
  verify: async (work) => {
    const result = verifyChunk(work);
    return { result, transfer: [result.body.buffer as ArrayBuffer] };
  },
});
