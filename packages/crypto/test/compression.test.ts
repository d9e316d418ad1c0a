import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { CODEC, chunkKeysFromSecret, compress, cutPrf, parseCompression } from '../src/index.ts';
import { codeOf } from './fixtures.ts';

const text = Buffer.from(Array.from({ length: 20_000 }, (_, n) => `line ${n % 701} of a log\n`).join(''));

t.test('the names of the compressions are read, levels included', async (t) => {
  t.same(parseCompression('auto'), { codec: 'auto' });
  t.same(parseCompression('zstd:7'), { codec: 'zstd', level: 7 });
  t.same(parseCompression('zstd:-7'), { codec: 'zstd', level: -7 });
  t.same(parseCompression('lz4'), { codec: 'lz4' });
  t.same(parseCompression('none'), { codec: 'none' });
});

t.test('a level that would not mean what it says is refused', async (t) => {
  for (const name of [
    '',
    'gzip',
    'zstd:',
    'zstd:0',
    'zstd:-1',
    'zstd:20',
    'zstd:-8',
    'zstd:1.5',
    'zstd:1:2',
    'lz4:3',
  ]) {
    t.equal(
      codeOf(() => parseCompression(name)),
      'compression-invalid',
      name,
    );
  }
});

t.test('text shrinks, with a fast level less than with a slow one', async (t) => {
  const lengthAt = (name: string) => compress(text, parseCompression(name)).bytes.length;
  t.equal(compress(text, { codec: 'auto' }).codec, CODEC.zstd);
  t.equal(compress(text, { codec: 'lz4' }).codec, CODEC.lz4);
  t.ok(lengthAt('zstd:-7') > lengthAt('zstd:1'));
  t.ok(lengthAt('zstd:1') >= lengthAt('zstd:19'));
});

t.test('random data is stored as it is, without a copy, whatever is asked', async (t) => {
  const random = randomBytes(1 << 20);
  for (const name of ['auto', 'zstd', 'zstd:-7', 'lz4', 'none']) {
    const { codec, bytes } = compress(random, parseCompression(name));
    t.equal(codec, CODEC.stored);
    t.equal(bytes, random);
  }
});

t.test('the probe sees repetition that a histogram of bytes does not show', async (t) => {
  const evenBytes = Buffer.from(Array.from({ length: 1 << 18 }, (_, n) => n & 255));
  t.equal(compress(evenBytes, { codec: 'auto' }).codec, CODEC.zstd);
});

t.test('the empty plaintext is stored', async (t) => {
  for (const codec of ['auto', 'zstd', 'lz4', 'none'] as const) {
    t.equal(compress(Buffer.alloc(0), { codec }).codec, CODEC.stored);
  }
});

t.test('the cut PRF is the CBC-MAC of each window, however many and wherever they lie', async () => {
  const { cutKey } = chunkKeysFromSecret(randomBytes(32));
  const reference = (window: Buffer) =>
    createCipheriv('aes-256-cbc', cutKey, Buffer.alloc(16)).setAutoPadding(false).update(window).subarray(48);
  const prf = cutPrf(cutKey);
  fc.assert(
    fc.property(fc.nat({ max: 40 }), fc.nat({ max: 7 }), fc.nat(), (count, shift, seed) => {
      const bytes = createHash('shake256', { outputLength: shift + count * 64 + 5 })
        .update(String(seed))
        .digest();
      const windows = bytes.subarray(shift);
      const expected = Array.from({ length: count }, (_, n) => reference(windows.subarray(n * 64, n * 64 + 64)));
      return prf(windows, count).equals(Buffer.concat(expected));
    }),
    { numRuns: 60 },
  );
});

t.test('the cut PRF refuses more windows than there are bytes', async (t) => {
  const { cutKey } = chunkKeysFromSecret(randomBytes(32));
  t.equal(
    codeOf(() => cutPrf(cutKey)(Buffer.alloc(127), 2)),
    'limit-exceeded',
  );
});
