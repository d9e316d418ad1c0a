/**
 * What the index of a repository costs at ten million chunks, and what it costs in an eighth of the memory it needs.
 * Makes a repository of packs with tiny bodies on the disk, then prints one JSON object a line: opening it from the footers
 * of all packs, writing the snapshot, opening it from the snapshot, each in a process of its own with its peak memory; and
 * look-ups, inserts and bytes of the hash index, in memory and on the disk.
 *
 * Usage: node test/bench/index.ts [chunks]
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { uuidBytes } from '@sealift/crypto';
import { createRepository, filesystemStore, IndexMemory, openRepository } from '@sealift/repository';
import { encodeFooter, type PackEntry } from '../../packages/repository/src/format/pack-footer.ts';
import { encodePackHeader } from '../../packages/repository/src/format/pack-header.ts';
import { encodeRecordHeader, recordLength } from '../../packages/repository/src/format/pack-record.ts';
import { packWord } from '../../packages/repository/src/index/entry-words.ts';
import { HashIndex } from '../../packages/repository/src/index/hash-index.ts';
import { packName } from '../../packages/repository/src/layout.ts';
import { sha256 } from '../../packages/repository/test/fixtures/chunks.ts';

const MIB = 1024 * 1024;
/** As in packs of 64 MiB with chunks of 1 MiB. */
const CHUNKS_PER_PACK = 64;
const BODY = Buffer.from([0]);
const CHECKSUM = sha256(BODY);
const PROBES = 2_000_000;
/** Memory that an index on the disk may take for each chunk, bytes. */
const LIMIT_PER_CHUNK = 6;
const MEASUREMENTS = 100;
const own = fileURLToPath(import.meta.url);

/** Bytes of a pack as the writer would have left it. */
function aPack(zone: Buffer): { name: string; bytes: Buffer } {
  const packId = randomBytes(16);
  const header = { packId, zone, createdAt: Date.now() };
  const ids = randomBytes(CHUNKS_PER_PACK * 32);
  const parts = [encodePackHeader(header)];
  const entries: PackEntry[] = [];
  let offset = 128;
  for (let i = 0; i < CHUNKS_PER_PACK; i++) {
    const id = ids.subarray(i * 32, i * 32 + 32);
    const head = { id, type: 1, checksum: CHECKSUM, memberCount: 0, bodyLength: 1 } as const;
    const length = recordLength(head);
    entries.push({ id, type: 1, checksum: CHECKSUM, members: Buffer.alloc(0), offset, length });
    parts.push(encodeRecordHeader(head, Buffer.alloc(0)), BODY);
    offset += length;
  }
  return { name: packName(packId), bytes: Buffer.concat([...parts, encodeFooter(header, entries, offset)]) };
}

async function fill(folder: string, chunks: number): Promise<void> {
  const zone = uuidBytes((await createRepository(filesystemStore(folder))).id);
  for (let i = 0; i < 256; i++) {
    await mkdir(join(folder, 'packs', i.toString(16).padStart(2, '0')), { recursive: true });
  }
  for (let left = Math.ceil(chunks / CHUNKS_PER_PACK); left > 0; left -= 64) {
    const packs = Array.from({ length: Math.min(64, left) }, () => aPack(zone));
    await Promise.all(packs.map(({ name, bytes }) => writeFile(join(folder, name), bytes)));
  }
}

interface Opening {
  folder: string;
  readOnly: boolean;
  /** Memory for the index, bytes; 0 for as much as it needs. */
  limit: number;
}

/** In a process of its own: opens for reading or writing and closes. */
async function openOnce({ folder, readOnly, limit }: Opening) {
  const spill = join(folder, 'spill');
  const limited = limit === 0 ? {} : { indexMemory: await IndexMemory.open(spill, limit) };
  const began = performance.now();
  const repository = await openRepository(filesystemStore(folder), { holder: randomUUID(), readOnly, ...limited });
  const opened = performance.now();
  const { chunks } = repository.stats();
  const rss = process.memoryUsage.rss();
  await repository[Symbol.asyncDispose]();
  const closed = performance.now();
  return {
    chunks,
    openingSeconds: seconds(opened - began),
    closingSeconds: seconds(closed - opened),
    mebibytesOpen: Math.round(rss / MIB),
    mebibytesPeak: Math.round(process.resourceUsage().maxRSS / 1024),
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

async function inChild(name: string, opening: Opening) {
  const { stdout } = await promisify(execFile)(process.execPath, [own, 'open', JSON.stringify(opening)]);
  const figures = JSON.parse(stdout) as Awaited<ReturnType<typeof openOnce>>;
  print(name, figures);
  return figures;
}

function print(name: string, figures: Record<string, number>): void {
  process.stdout.write(`${JSON.stringify({ name, ...figures })}\n`);
}

function perSecond(count: number, began: number): number {
  return Math.round((count / (performance.now() - began)) * 1000);
}

/** Ids in slabs of a million, made beforehand so that only the index is measured. */
function idsFor(chunks: number): Buffer[] {
  const slabs: Buffer[] = [];
  for (let left = chunks; left > 0; left -= 1_000_000) {
    slabs.push(randomFillSync(Buffer.allocUnsafeSlow(Math.min(left, 1_000_000) * 32)));
  }
  return slabs;
}

function measureIndex(name: string, chunks: number, memory?: IndexMemory) {
  const slabs = idsFor(chunks);
  const index = new HashIndex(memory);
  const { insertsPerSecond, mostBytes } = measureInserts(index, slabs);
  const slab = slabs[Math.floor(slabs.length / 2)] as Buffer;
  const count = slab.length / 32;
  const unknown = randomFillSync(Buffer.allocUnsafeSlow(1_000_000 * 32));
  const rates = {
    hitsPerSecond: lookUps(index, slab, (i) => (i * 7919) % count),
    hitsInOrderPerSecond: lookUps(index, slab, (i) => i % count),
    missesPerSecond: lookUps(index, unknown, (i) => i % 1_000_000, false),
  };
  if (index.chunkCount !== chunks) throw new Error(`${index.chunkCount} chunks`);
  const bytesPerChunk = Math.round((index.byteLength / chunks) * 100) / 100;
  const mostBytesPerChunk = Math.round((mostBytes / chunks) * 100) / 100;
  print(name, { chunks, bytesPerChunk, mostBytesPerChunk, insertsPerSecond, ...rates });
  index[Symbol.dispose]();
  return { bytesPerChunk, insertsPerSecond, ...rates };
}

function measureInserts(index: HashIndex, slabs: Buffer[]): { insertsPerSecond: number; mostBytes: number } {
  const chunks = slabs.reduce((sum, { length }) => sum + length / 32, 0);
  const step = Math.ceil(chunks / MEASUREMENTS);
  const began = performance.now();
  let [number, mostBytes] = [0, 0];
  for (const slab of slabs) {
    for (let at = 0; at < slab.length; at += 32, number++) {
      index.addRecord(slab, at, packWord(1, number >>> 6), 128, 1);
      if (number % step === 0) mostBytes = Math.max(mostBytes, index.byteLength);
    }
  }
  return { insertsPerSecond: perSecond(chunks, began), mostBytes };
}

function lookUps(index: HashIndex, ids: Buffer, which: (i: number) => number, areThere = true): number {
  const probes = Math.min(PROBES, index.chunkCount);
  const began = performance.now();
  let found = 0;
  for (let i = 0; i < probes; i++) {
    const at = which(i) * 32;
    if (index.find(ids.subarray(at, at + 32)) >= 0) found++;
  }
  const rate = perSecond(probes, began);
  if (found !== (areThere ? probes : 0)) throw new Error(`${found} of ${probes} found`);
  return rate;
}

async function measureIndexes(chunks: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-bench-'));
  try {
    const inMemory = measureIndex('hash index in memory', chunks);
    const memory = await IndexMemory.open(folder, chunks * LIMIT_PER_CHUNK);
    const onDisk = measureIndex('hash index on the disk', chunks, memory);
    const ratios = Object.entries(onDisk).map(([figure, value]) => {
      return [figure, Math.round((value / inMemory[figure as keyof typeof inMemory]) * 1000) / 1000];
    });
    print('the disk against memory', Object.fromEntries(ratios) as Record<string, number>);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function snapshotBytes(folder: string): Promise<number> {
  const cache = join(folder, 'cache', 'index');
  const sizes = await Promise.all((await readdir(cache)).map(async (name) => (await stat(join(cache, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function measureOpening(chunks: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-bench-'));
  try {
    await fill(folder, chunks);
    const limit = chunks * LIMIT_PER_CHUNK;
    const footers = await inChild('opening from the footers of all packs', { folder, readOnly: true, limit: 0 });
    await inChild('the same in little memory', { folder, readOnly: true, limit });
    await inChild('the same for writing, and a snapshot', { folder, readOnly: false, limit: 0 });
    print('snapshot', { mebibytes: Math.round((await snapshotBytes(folder)) / MIB) });
    const snapshot = await inChild('opening from the snapshot', { folder, readOnly: true, limit: 0 });
    await inChild('the same in little memory', { folder, readOnly: true, limit });
    if (footers.chunks !== snapshot.chunks || snapshot.chunks < chunks) throw new Error('Chunks are missing.');
    const times = footers.openingSeconds / snapshot.openingSeconds;
    print('the snapshot against the footers', { timesFaster: Math.round(times * 10) / 10 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'open') {
  process.stdout.write(JSON.stringify(await openOnce(JSON.parse(process.argv[3] as string) as Opening)));
} else {
  const chunks = Number(process.argv[2] ?? 10_000_000);
  await measureIndexes(chunks);
  await measureOpening(chunks);
}
