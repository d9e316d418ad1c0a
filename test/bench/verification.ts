/**
 * How fast a repository is verified, without its keys and with them, beside what the machine can do with the same bytes:
 * read its packs, hash them, decrypt as many with AES-256-GCM. Rounds alternate, so that a noisy machine slows all alike.
 * Prints one JSON object; exit status 1 if verification is slower than its share of reading and hashing one after another.
 */
import { createDecipheriv, createHash, randomBytes, randomUUID } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CHUNK_TYPE,
  chunkId,
  chunkKeysFromSecret,
  compress,
  encodeInner,
  parseCompression,
  uuidBytes,
} from '@sealift/crypto';
import { createTargetWorkers, proveInFlight } from '@sealift/pipeline';
import { createRepository, filesystemStore, openRepository, type Repository } from '@sealift/repository';

const MIB = 1024 * 1024;
const CHUNK = MIB;
const SPAN = 4 * MIB;
const ROUNDS = 5;
/** Least of the speed of reading and hashing that verification must reach. */
const LEAST = 0.5;
const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** Real files, packed together as small files are, in chunks, up to `limit` bytes. */
function* realChunks(limit: number): Generator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  let [length, total] = [0, 0];
  for (const name of readdirSync(NODE_MODULES, { recursive: true, encoding: 'utf8' })) {
    const path = join(NODE_MODULES, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const piece = readFileSync(path);
    pieces.push(piece);
    length += piece.length;
    if (length < CHUNK) continue;
    const all = Buffer.concat(pieces);
    for (let at = 0; at + CHUNK <= all.length; at += CHUNK) yield all.subarray(at, at + CHUNK);
    total += length;
    if (total > limit) return;
    pieces = [];
    length = 0;
  }
}

async function fill(repository: Repository): Promise<void> {
  const { idKey } = chunkKeysFromSecret(repository.dedupSecret);
  const compression = parseCompression('auto');
  await using writer = repository.writer({ zone: uuidBytes(repository.id) });
  for (const chunk of realChunks(512 * MIB)) {
    const { codec, bytes } = compress(chunk, compression);
    const body = encodeInner({ codec, plaintextLength: chunk.length, compressed: bytes, padding: 'none' });
    const checksum = createHash('sha256').update(body).digest();
    await writer.put({ id: chunkId(idKey, CHUNK_TYPE.data, chunk), type: CHUNK_TYPE.data, body, checksum });
  }
}

function packsOf(folder: string): string[] {
  const names = readdirSync(join(folder, 'packs'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.pack')).map((name) => join(folder, 'packs', name));
}

/** Every byte of the packs, in order. */
function throughPacks(paths: string[], use: (bytes: Buffer) => void): void {
  const span = Buffer.allocUnsafe(SPAN);
  for (const path of paths) {
    const file = openSync(path, 'r');
    for (let read = readSync(file, span); read > 0; read = readSync(file, span)) use(span.subarray(0, read));
    closeSync(file);
  }
}

const key = randomBytes(32);
function decrypt(bytes: Buffer): void {
  createDecipheriv('aes-256-gcm', key, Buffer.alloc(12), { authTagLength: 16 }).update(bytes);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

const folder = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
const store = filesystemStore(folder);
await createRepository(store);
try {
  await using repository = await openRepository(store, { holder: randomUUID() });
  await fill(repository);
  await using workers = createTargetWorkers(Math.ceil(availableParallelism() / 2));
  const prove = proveInFlight(workers, () => repository.dedupSecret);
  const paths = packsOf(folder);
  const steps: Record<string, () => Promise<unknown>> = {
    reading: async () => throughPacks(paths, () => {}),
    readingAndHashing: async () => {
      const hash = createHash('sha256');
      throughPacks(paths, (bytes) => void hash.update(bytes));
    },
    readingAndDecrypting: async () => throughPacks(paths, decrypt),
    verifying: () => repository.verify({}),
    verifyingWithKeys: () => repository.verify({ prove }),
  };
  const seconds = new Map(Object.keys(steps).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, work] of Object.entries(steps)) {
      const start = performance.now();
      await work();
      // The first round warms up.
      if (round > 0) seconds.get(name)?.push((performance.now() - start) / 1000);
    }
  }
  const mebibytes = paths.reduce((sum, path) => sum + statSync(path).size, 0) / MIB;
  const rate = Object.fromEntries([...seconds].map(([name, rounds]) => [name, mebibytes / median(rounds)]));
  const against = (name: string) =>
    Object.fromEntries(
      ['reading', 'readingAndHashing', 'readingAndDecrypting'].map((other) => [
        other,
        Number(((rate[name] as number) / (rate[other] as number)).toFixed(2)),
      ]),
    );
  const ratios = { verifying: against('verifying'), verifyingWithKeys: against('verifyingWithKeys') };
  const within = (ratios.verifying.readingAndHashing as number) >= LEAST;
  const rounded = Object.fromEntries(Object.entries(rate).map(([name, value]) => [name, Math.round(value)]));
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  const result = { bench: 'verification', mebibytes: Math.round(mebibytes), mebibytesPerSecond: rounded, ratios };
  process.stdout.write(`${JSON.stringify({ ...result, peakMiB, least: LEAST, within })}\n`);
  process.exitCode = within ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
