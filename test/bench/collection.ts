/**
 * What a collection costs. Prints one JSON object a line: how fast packs of which 40 % is needed are rewritten, beside
 * reading, hashing and writing the same bytes with nothing else; and how much memory a collection over many small chunks
 * takes on top of the open repository.
 *
 * Usage: node test/bench/collection.ts
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository, type Repository } from '@sealift/repository';
import { aChunk } from '../../packages/repository/test/fixtures/chunks.ts';
import { aSigner, commitPoint } from '../../packages/repository/test/fixtures/points.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const signer = await aSigner();

async function withRepository(work: (repository: Repository, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-bench-'));
  try {
    const store = filesystemStore(folder);
    await createRepository(store);
    await using repository = await openRepository(store, { holder: randomUUID() });
    await work(repository, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Stores chunks and commits a point that needs every one for which `isNeeded` says so. */
async function fill(repository: Repository, count: number, length: number, isNeeded: (i: number) => boolean) {
  const absent: Buffer[] = [];
  {
    await using writer = repository.writer({ zone: uuidBytes(repository.id) });
    for (let at = 0; at < count; at += 500) {
      const chunks = Array.from({ length: Math.min(500, count - at) }, () => aChunk(length));
      absent.push(...chunks.filter((_, i) => isNeeded(at + i)).map(({ id }) => id));
      await Promise.all(chunks.map((chunk) => writer.put(chunk)));
    }
  }
  await commitPoint(repository, signer, { chunks: 0, absent });
}

/** Bytes a second of reading, hashing, writing and syncing so many bytes of the packs, 1 MiB at a time. */
async function plainCopyRate(folder: string, bytes: number): Promise<number> {
  const packs = (await readdir(join(folder, 'packs'), { recursive: true })).filter((name) => name.endsWith('.pack'));
  const began = performance.now();
  let left = bytes;
  await using copy = await open(join(folder, 'copy'), 'w');
  for (const name of packs) {
    await using pack = await open(join(folder, 'packs', name));
    const { size } = await stat(join(folder, 'packs', name));
    for (let at = 0; at + MIB <= size && left > 0; at += MIB, left -= MIB) {
      const { buffer } = await pack.read(Buffer.alloc(MIB), 0, MIB, at);
      createHash('sha256').update(buffer).digest();
      await copy.write(buffer);
    }
  }
  await copy.sync();
  return ((bytes - Math.max(0, left)) / (performance.now() - began)) * 1000;
}

function print(name: string, figures: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ name, ...figures })}\n`);
}

await withRepository(async (repository, folder) => {
  await fill(repository, 512, MIB, (i) => i % 5 < 2);
  const copied = await plainCopyRate(folder, 200 * MIB);
  const { bytesRepacked, bytesFreed, durationMs, packsRepacked } = await repository.collect({ grace: 0 }, never);
  const rate = (bytesRepacked / durationMs) * 1000;
  print('rewriting packs of which 40 % is needed', {
    packsRepacked,
    mebibytesFreed: Math.round(bytesFreed / MIB),
    mebibytesPerSecond: Math.round(rate / MIB),
    plainCopyMebibytesPerSecond: Math.round(copied / MIB),
    shareOfPlainCopy: Math.round((rate / copied) * 100) / 100,
  });
});

await withRepository(async (repository) => {
  const chunks = 300_000;
  await fill(repository, chunks, 1 + (randomBytes(1)[0] as number), (i) => i % 5 < 2);
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  const { bytesFreed, durationMs } = await repository.collect({ grace: 0 }, never);
  clearInterval(timer);
  print('memory of a collection over many small chunks', {
    chunks,
    chunksPerSecond: Math.round((chunks / durationMs) * 1000),
    mebibytesFreed: Math.round(bytesFreed / MIB),
    mebibytesBefore: Math.round(before / MIB),
    mebibytesAdded: Math.round((peak - before) / MIB),
  });
});
