import { appendFile, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Material, MaterialStore } from './material.ts';
import { Seeded } from './seeded.ts';

/** At scale 1: files and bytes of a /usr of a server with some tools on it. */
const FILES = 58_000;
const BYTES = 1_500_000_000;
/** Share of files that are copies of another. */
const DUPLICATES = 0.23;
const FILES_IN_FOLDER = 18;
/** Sizes are log-normal: half of the files are smaller than this, and few large ones hold most bytes. */
const MEDIAN_SIZE = 3_500;
const SIZE_SPREAD = 1.9;
const LARGEST = 48 * 1024 * 1024;
const CHANGED = 0.01;
const REMOVED = 0.004;
const ADDED = 0.006;

interface PlannedFile {
  path: string;
  size: number;
  material: Material;
  /** Index of the file it is a copy of. */
  copyOf?: number;
}

/** Many small files, made to look like /usr. The same seed and scale give the same tree. */
export class TreeData {
  readonly #seed: string;
  readonly #files: PlannedFile[];

  constructor(seed: string, scale: number) {
    this.#seed = seed;
    this.#files = plan(new Seeded(`${seed}/plan`), Math.max(50, Math.round(FILES * scale)), BYTES * scale);
  }

  async make(root: string): Promise<void> {
    const store = new MaterialStore(this.#seed);
    const written = new Map<number, Buffer>();
    const originals = new Set(this.#files.map(({ copyOf }) => copyOf));
    for (const [i, { path, size, material, copyOf }] of this.#files.entries()) {
      const contents = (copyOf === undefined ? undefined : written.get(copyOf)) ?? store.make(material, size);
      if (originals.has(i)) written.set(i, contents);
      await put(join(root, path), contents, i);
    }
  }

  /** What a day of use does: some files rewritten, some grown, some gone, some new, a folder renamed. */
  async change(root: string): Promise<void> {
    const random = new Seeded(`${this.#seed}/change`);
    const store = new MaterialStore(`${this.#seed}/change`);
    for (const { path, size, material } of this.#files) {
      const draw = random.fraction();
      if (draw < REMOVED) await rm(join(root, path));
      else if (draw < REMOVED + CHANGED / 2) await writeFile(join(root, path), store.make(material, size + 100));
      else if (draw < REMOVED + CHANGED) await appendFile(join(root, path), store.make(material, 500));
    }
    const fresh = Math.ceil(this.#files.length * ADDED);
    for (let i = 0; i < fresh; i++) await put(join(root, 'new', `f${i}`), store.make('text', sizeOf(random)), i);
    await rename(join(root, folderOf(0)), join(root, 'renamed'));
  }
}

function plan(random: Seeded, count: number, bytes: number): PlannedFile[] {
  const sizes = Array.from({ length: count }, () => sizeOf(random));
  const factor = bytes / sizes.reduce((sum, size) => sum + size, 0);
  return sizes
    .map((drawn, i) => {
      const path = join(
        folderOf(Math.floor(i / FILES_IN_FOLDER)),
        `file-${i}${random.fraction() < 0.5 ? '.so' : '.h'}`,
      );
      const material = materialOf(random.fraction());
      const size = Math.min(LARGEST, Math.round(drawn * factor));
      if (i === 0 || random.fraction() >= DUPLICATES || size > 256 * 1024) return { path, size, material };
      return { path, size, material, copyOf: random.below(i) };
    })
    .map((file, _, all) => withoutChains(file, all));
}

/** A copy is always one of an original, and of its size. */
function withoutChains(file: PlannedFile, all: PlannedFile[]): PlannedFile {
  let original = file;
  while (original.copyOf !== undefined) original = all[original.copyOf] as PlannedFile;
  if (original === file || original.size > 256 * 1024)
    return { path: file.path, size: file.size, material: file.material };
  return { path: file.path, size: original.size, material: original.material, copyOf: all.indexOf(original) };
}

function sizeOf(random: Seeded): number {
  return Math.min(LARGEST, Math.round(MEDIAN_SIZE * Math.exp(SIZE_SPREAD * random.normal())));
}

function materialOf(draw: number): Material {
  if (draw < 0.62) return 'text';
  return draw < 0.95 ? 'binary' : 'noise';
}

/** Three levels, as deep as most of /usr is. */
function folderOf(number: number): string {
  return join(`d${number % 7}`, `d${Math.floor(number / 7) % 23}`, `d${Math.floor(number / 161)}`);
}

/** Modification times follow from the seed too. */
async function put(path: string, contents: Buffer, number: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
  const at = 1_700_000_000 + number;
  await utimes(path, at, at);
}
