import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Seeded } from './seeded.ts';
import { TreeData } from './tree.ts';

const MIB = 1024 * 1024;
/** Share of an image that a day of use overwrites, and in which pieces. */
const CHANGED = 0.02;
const PIECE = 64 * 1024;

/** An image of noise. */
export class NoiseImage {
  readonly #seed: string;
  readonly #mebibytes: number;

  constructor(seed: string, scale: number) {
    this.#seed = seed;
    this.#mebibytes = Math.max(8, Math.round(1024 * scale));
  }

  async make(path: string): Promise<void> {
    const random = new Seeded(`${this.#seed}/image`);
    await using file = await open(path, 'w');
    for (let i = 0; i < this.#mebibytes; i++) await file.write(random.bytes(MIB));
  }

  change(path: string): Promise<void> {
    return overwrite(path, `${this.#seed}/image-change`, 0, this.#mebibytes * MIB);
  }
}

/** An image with an ext4 file system on it, three quarters full of files, the rest holes. */
export class FilesystemImage {
  readonly #seed: string;
  readonly #scale: number;

  constructor(seed: string, scale: number) {
    this.#seed = seed;
    this.#scale = scale;
  }

  async make(path: string): Promise<void> {
    const files = await mkdtemp(join(dirname(path), 'files-'));
    try {
      await new TreeData(`${this.#seed}/filesystem`, this.#scale / 2).make(files);
      const size = `${Math.max(64, Math.round(1200 * this.#scale))}M`;
      const identity = [
        '-U',
        '5ea11f70-0000-4000-8000-000000000001',
        '-E',
        'hash_seed=5ea11f70-0000-4000-8000-000000000002',
      ];
      await promisify(execFile)('mkfs.ext4', ['-q', '-F', '-d', files, ...identity, path, size]);
    } finally {
      await rm(files, { recursive: true });
    }
  }

  /** Pieces of the data in the first half, as a database in it would change. */
  change(path: string): Promise<void> {
    return overwrite(path, `${this.#seed}/filesystem-change`, 16 * MIB, Math.max(32, 600 * this.#scale) * MIB);
  }
}

async function overwrite(path: string, seed: string, from: number, to: number): Promise<void> {
  const random = new Seeded(seed);
  await using file = await open(path, 'r+');
  const pieces = Math.ceil(((to - from) * CHANGED) / PIECE);
  for (let i = 0; i < pieces; i++) {
    const at = from + random.below(Math.floor((to - from) / PIECE)) * PIECE;
    await file.write(random.bytes(PIECE), 0, PIECE, at);
  }
}
