import { Seeded } from './seeded.ts';

/** What files are cut from. Contents of one kind share words, as programs do, but no passage of any length. */
export type Material = 'text' | 'binary' | 'noise';

const POOL = 8 * 1024 * 1024;
const LONGEST_PIECE = 4096;
const WORDS = 6000;
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';

/** Makes contents of any length. Text shrinks to about a third with zstd, binaries to about half, noise not at all. */
export class MaterialStore {
  readonly #random: Seeded;
  readonly #pools: { text: Buffer; binary: Buffer };

  constructor(seed: string) {
    this.#random = new Seeded(`${seed}/material`);
    this.#pools = { text: textPool(this.#random), binary: binaryPool(this.#random) };
  }

  make(material: Material, length: number): Buffer {
    if (material === 'noise') return this.#random.bytes(length);
    const pool = this.#pools[material];
    const contents = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const from = this.#random.below(pool.length - LONGEST_PIECE);
      at += pool.copy(contents, at, from, from + 256 + this.#random.below(LONGEST_PIECE - 256));
    }
    return contents;
  }
}

/** Words by Zipf's law, as in sources and documents. */
function textPool(random: Seeded): Buffer {
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 2 + random.below(8) }, () => LETTERS[Math.floor(26 * random.fraction() ** 2)]).join(''),
  );
  const parts: string[] = [];
  for (let length = 0; length < POOL; ) {
    const word = words[Math.floor(WORDS ** random.fraction()) - 1] as string;
    const after = random.fraction() < 0.1 ? '\n  ' : ' ';
    parts.push(word, after);
    length += word.length + after.length;
  }
  return Buffer.from(parts.join('')).subarray(0, POOL);
}

/** Records of fixed form with fields that vary: like code, tables and relocations. */
function binaryPool(random: Seeded): Buffer {
  const pool = Buffer.alloc(POOL);
  for (let at = 0; at < POOL; at += 16) {
    pool.writeUInt32LE(0x00400000 + (at >> 2), at);
    pool.writeUInt16LE(random.below(2 ** 16), at + 4);
    pool.writeUInt32LE(random.below(300), at + 8);
    pool.writeUInt16LE(random.below(2 ** 16), at + 12);
  }
  return pool;
}
