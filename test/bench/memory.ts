/**
 * Peak memory of each daemon while `sealift up --once` protects and restores disk images of very different size:
 * it must not grow with the input. Prints one JSON object a line; exit status 1 if a Transporter exceeds its limit.
 *
 * Usage: npm run bench
 */
import { spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MIB = 1024 * 1024;
const LIMIT_BYTES = 256_000_000;
const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/sealift.mjs', import.meta.url));

interface Case {
  name: string;
  bytes: number;
  /** How much of the image holds data; the rest is holes. */
  dataBytes: number;
}

const CASES: Case[] = [
  { name: '1 GiB of noise', bytes: 1024 * MIB, dataBytes: 1024 * MIB },
  { name: '20 GiB, sparse', bytes: 20 * 1024 * MIB, dataBytes: 800 * MIB },
];

/** Noise from a fixed seed, in pieces of 20 MiB spread evenly over the image. */
async function makeImage(path: string, { bytes, dataBytes }: Case): Promise<void> {
  await using file = await open(path, 'w');
  await file.truncate(bytes);
  const noise = createCipheriv('aes-256-ctr', Buffer.alloc(32, 7), Buffer.alloc(16));
  const zeros = Buffer.alloc(20 * MIB);
  const pieces = Math.floor(dataBytes / zeros.length);
  const step = Math.floor(bytes / pieces / MIB) * MIB;
  for (let i = 0; i < pieces; i++) await file.write(noise.update(zeros), 0, zeros.length, i * step);
}

/** Highest resident set size so far of every daemon whose data is below `data`, bytes, by name. */
async function readPeaks(data: string, peaks: Map<string, number>): Promise<void> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const [command, status] = await Promise.all([read(`/proc/${pid}/cmdline`), read(`/proc/${pid}/status`)]);
    const name = command
      .split('\0')
      .find((argument) => argument.startsWith(`${data}/`))
      ?.slice(data.length + 1);
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    if (name !== undefined && peak > (peaks.get(name) ?? 0)) peaks.set(name, peak);
  }
}

/** Processes come and go while they are listed. */
const read = (path: string) => readFile(path, 'utf8').catch(() => '');

async function measure(one: Case): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-bench-'));
  try {
    const image = join(folder, 'disk.img');
    const data = join(folder, 'data');
    await makeImage(image, one);
    const peaks = new Map<string, number>();
    const child = spawn(process.execPath, [COMMAND, 'up', '--once', '--port', '0', '--data', data, image], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const sampling = setInterval(() => void readPeaks(data, peaks), 500);
    const [status] = await once(child, 'exit');
    clearInterval(sampling);
    const transporters = ['source', 'target'].map((name) => peaks.get(name) ?? Number.POSITIVE_INFINITY);
    const within = status === 0 && transporters.every((bytes) => bytes <= LIMIT_BYTES);
    const result = {
      case: one.name,
      identical: status === 0,
      peakBytes: Object.fromEntries(peaks),
      limit: LIMIT_BYTES,
    };
    process.stdout.write(`${JSON.stringify({ ...result, within })}\n`);
    return within;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

let allWithin = true;
for (const one of CASES) allWithin = (await measure(one)) && allWithin;
process.exitCode = allWithin ? 0 : 1;
