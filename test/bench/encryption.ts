/**
 * What encryption costs: the same data, chunked, identified and compressed alone; sealed as source-side chunks besides;
 * and sealed into in-flight records besides that, as a source does before it sends. Rounds of the three alternate, so that
 * a noisy machine slows all alike. Prints one JSON object; exit status 1 if encryption takes more than its share.
 */
import { createCipheriv, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHUNK_TYPE, chunkId, compress, createDomain, openDomain, parseCompression, sealChunk } from '@sealift/crypto';

const MIB = 1024 * 1024;
const CHUNK = MIB;
const ROUNDS = 7;
/** Most that both modes together may cost of the throughput of compression alone. */
const MOST = 0.25;
const NODE_MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

type Work = (chunk: Buffer) => void;

/** Real files, packed together as small files are, up to `limit` bytes. */
function realData(limit: number): Buffer[] {
  const pieces: Buffer[] = [];
  let length = 0;
  for (const name of readdirSync(NODE_MODULES, { recursive: true, encoding: 'utf8' })) {
    const path = join(NODE_MODULES, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
    const piece = readFileSync(path);
    pieces.push(piece);
    length += piece.length;
    if (length > limit) break;
  }
  const all = Buffer.concat(pieces);
  return Array.from({ length: Math.floor(all.length / CHUNK) }, (_, i) => all.subarray(i * CHUNK, (i + 1) * CHUNK));
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

/** One round: seconds for all chunks. */
function timed(chunks: Buffer[], work: Work): number {
  const start = process.hrtime.bigint();
  for (const chunk of chunks) work(chunk);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const cheap = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;
const { passwordHash, descriptor } = await createDomain('for this measurement only', cheap);
const domain = openDomain(passwordHash, descriptor);
const run = domain.newRun();
const compression = parseCompression('auto');
const recordKey = randomBytes(32);
let records = 0;

function compressed(chunk: Buffer) {
  const id = chunkId(domain.chunkKeys.idKey, CHUNK_TYPE.data, chunk);
  const { codec, bytes } = compress(chunk, compression);
  return { type: CHUNK_TYPE.data, id, codec, plaintextLength: chunk.length, compressed: bytes };
}

/** A record of the in-flight layer: AES-256-GCM with a counter in the nonce. */
function sealRecord(payload: Buffer): void {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(++records, 8);
  const cipher = createCipheriv('aes-256-gcm', recordKey, nonce, { authTagLength: 16 });
  cipher.setAAD(nonce);
  cipher.update(payload);
  cipher.final();
  cipher.getAuthTag();
}

const STEPS: Record<string, Work> = {
  compression: (chunk) => void compressed(chunk),
  'source-side': (chunk) => void sealChunk(run, compressed(chunk)),
  'source-side and in-flight': (chunk) => sealRecord(sealChunk(run, compressed(chunk))),
  'in-flight': (chunk) => sealRecord(compressed(chunk).compressed),
};

const chunks = realData(192 * MIB);
const seconds = new Map(Object.keys(STEPS).map((name) => [name, [] as number[]]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, work] of Object.entries(STEPS)) {
    const took = timed(chunks, work);
    // The first round warms up.
    if (round > 0) seconds.get(name)?.push(took);
  }
}
const base = median(seconds.get('compression') as number[]);
const cost = Object.fromEntries(
  [...seconds].map(([name, rounds]) => [name, Number((1 - base / median(rounds)).toFixed(3))]),
);
const within = (cost['source-side and in-flight'] as number) <= MOST;
const rate = Math.round((chunks.length * CHUNK) / MIB / base);
const result = {
  bench: 'encryption',
  mebibytes: chunks.length,
  compressionMiBPerSecond: rate,
  cost,
  most: MOST,
  within,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = within ? 0 : 1;
