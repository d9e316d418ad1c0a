/**
 * What the index of a repository costs at ten million chunks. Makes a repository of packs with tiny bodies on the disk,
 * then prints one JSON object a line: opening it from the footers of all packs, writing the snapshot, opening it from the
 * snapshot, each in a process of its own with its peak memory; and look-ups, inserts and bytes of the hash index.
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
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import { encodeFooter, type PackEntry } from '../../packages/repository/src/format/pack-footer.ts';
import { encodePackHeader } from '../../packages/repository/src/format/pack-header.ts';
import { encodeRecordHeader, recordLength } from '../../packages/repository/src/format/pack-record.ts';
import { HashIndex } from '../../packages/repository/src/index/hash-index.ts';
import { packName } from '../../packages/repository/src/layout.ts';
import { sha256 } from '../../packages/repository/test/fixtures/chunks.ts';

const MIB = 1024 * 1024;
/** As in packs of 64 MiB with chunks of 1 MiB. */
const CHUNKS_PER_PACK = 64;
const BODY = Buffer.from([0]);
const CHECKSUM = sha256(BODY);
const PROBES = 2_000_000;
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

/** In a process of its own: opens for reading or writing and closes. */
async function openOnce(folder: string, readOnly: boolean) {
  const began = performance.now();
  const repository = await openRepository(filesystemStore(folder), { holder: randomUUID(), readOnly });
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

async function inChild(name: string, folder: string, readOnly: boolean) {
  const { stdout } = await promisify(execFile)(process.execPath, [own, 'open', folder, String(readOnly)]);
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
function measureIndex(chunks: number): void {
  const slabs: Buffer[] = [];
  for (let left = chunks; left > 0; left -= 1_000_000) {
    slabs.push(randomFillSync(Buffer.allocUnsafeSlow(Math.min(left, 1_000_000) * 32)));
  }
  const index = new HashIndex();
  let began = performance.now();
  let number = 0;
  for (const slab of slabs) {
    for (let at = 0; at < slab.length; at += 32, number++) {
      index.addChunk(slab.subarray(at, at + 32), { type: 1, pack: number >>> 6, offset: 128, length: 1 });
    }
  }
  const insertsPerSecond = perSecond(chunks, began);
  const probes = Math.min(PROBES, chunks);
  const slab = slabs[Math.floor(slabs.length / 2)] as Buffer;
  began = performance.now();
  let found = 0;
  for (let i = 0; i < probes; i++) {
    const at = ((i * 7919) % (slab.length / 32)) * 32;
    if (index.find(slab.subarray(at, at + 32)) >= 0) found++;
  }
  const hitsPerSecond = perSecond(probes, began);
  const unknown = randomBytes(32 * 65536);
  began = performance.now();
  for (let i = 0; i < probes; i++) {
    const at = (i % 65536) * 32;
    unknown.writeUInt32LE(i, at);
    if (index.find(unknown.subarray(at, at + 32)) >= 0) found++;
  }
  const missesPerSecond = perSecond(probes, began);
  if (found !== probes || index.chunkCount !== chunks) throw new Error(`${found} of ${probes} found`);
  const bytesPerChunk = Math.round((index.byteLength / chunks) * 10) / 10;
  print('hash index', { chunks, bytesPerChunk, insertsPerSecond, hitsPerSecond, missesPerSecond });
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
    const footers = await inChild('opening from the footers of all packs', folder, true);
    await inChild('the same for writing, and a snapshot', folder, false);
    print('snapshot', { mebibytes: Math.round((await snapshotBytes(folder)) / MIB) });
    const snapshot = await inChild('opening from the snapshot', folder, true);
    if (footers.chunks !== snapshot.chunks || snapshot.chunks < chunks) throw new Error('Chunks are missing.');
    const times = footers.openingSeconds / snapshot.openingSeconds;
    print('the snapshot against the footers', { timesFaster: Math.round(times * 10) / 10 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'open') {
  const [folder, readOnly] = process.argv.slice(3) as [string, string];
  process.stdout.write(JSON.stringify(await openOnce(folder, readOnly === 'true')));
} else {
  const chunks = Number(process.argv[2] ?? 10_000_000);
  measureIndex(chunks);
  await measureOpening(chunks);
}
