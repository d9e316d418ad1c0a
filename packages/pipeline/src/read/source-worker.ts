import { parentPort, workerData } from 'node:worker_threads';
import { contentDefinedChunker } from '../chunk/content-defined.ts';
import { asBuffer, ownBuffer, ThreadChannel } from '../threads/channel.ts';
import { ChunkMaker } from './chunk-maker.ts';
import { readBatch } from './read-batch.ts';
import { readStretch, SLAB_BYTES, type StretchTools } from './read-stretch.ts';
import { SlabPool } from './slab-pool.ts';
import type { SourceMainMethods, SourceWorkerData, SourceWorkerMethods } from './thread-messages.ts';

/** One being read while the other has a question on its way to the target. */
const SLABS = 2;

const settings = workerData as SourceWorkerData;

const main = new ThreadChannel<SourceMainMethods, SourceWorkerMethods>(parentPort as NonNullable<typeof parentPort>, {
  batch: async (work) => ({ result: await readBatch(work, chunks) }),
  stretch: async (work) => ({ result: await readStretch(work, tools) }),
  store: async ({ type, plaintext }) => {
    const [id] = await chunks.storeAll(type, [asBuffer(plaintext)]);
    return { result: ownBuffer(id as Buffer) };
  },
});

const chunks = new ChunkMaker(main, settings);
const tools: StretchTools = {
  chunks,
  slabs: new SlabPool(SLABS, SLAB_BYTES),
  contentChunker: contentDefinedChunker(settings.chunkKeys.cutKey, SLAB_BYTES),
};
