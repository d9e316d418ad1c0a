import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { contentDefinedChunker, MAX_CHUNK, MIN_CHUNK } from '../src/chunk/content-defined.ts';
import { DISK_CHUNK, fixedChunker, isZero } from '../src/chunk/fixed.ts';
import { noise } from './sources.ts';

const BUFFER = 6 * 1024 * 1024;
const key = (byte: number) => createSecretKey(Buffer.alloc(32, byte));
const cut = contentDefinedChunker(key(1), BUFFER);

/** Cuts all of `data` the way a reader does: a buffer at a time, each beginning where the last cut was. */
function cutAll(data: Buffer, chunker = cut, buffer = BUFFER): number[] {
  const cuts: number[] = [];
  for (let at = 0; at < data.length; at = cuts.at(-1) as number) {
    const end = Math.min(data.length, at + buffer);
    for (const offset of chunker(data.subarray(at, end), end === data.length)) cuts.push(at + offset);
  }
  return cuts;
}

const lengths = (cuts: number[]) => cuts.map((end, i) => end - (cuts[i - 1] ?? 0));

t.test('chunks cover the data, and all but the last keep within the bounds', async (t) => {
  const data = noise('bounds', 24_000_000);
  const cuts = cutAll(data);
  t.equal(cuts.at(-1), data.length);
  for (const length of lengths(cuts).slice(0, -1)) t.ok(length >= MIN_CHUNK && length <= MAX_CHUNK, String(length));
});

t.test('where data is cut does not depend on how it was buffered', async (t) => {
  const data = noise('buffers', 12_000_000);
  const wanted = cutAll(data);
  for (const buffer of [MAX_CHUNK, MAX_CHUNK + 12_345, BUFFER]) t.same(cutAll(data, cut, buffer), wanted);
});

t.test('an insertion moves the cuts near it and no others', async (t) => {
  const data = noise('insertion', 24_000_000);
  const before = cutAll(data);
  const at = 5_000_000;
  const after = cutAll(Buffer.concat([data.subarray(0, at), Buffer.from('inserted'), data.subarray(at)]));
  const moved = new Set(after.map((end) => (end > at ? end - 8 : end)));
  t.ok(before.filter((end) => !moved.has(end)).length <= 2);
});

t.test('another key cuts elsewhere', async (t) => {
  const data = noise('keys', 12_000_000);
  const other = cutAll(data, contentDefinedChunker(key(2), BUFFER));
  const shared = cutAll(data).filter((end) => other.includes(end));
  t.ok(shared.length <= 2, `${shared.length} cuts in common`);
});

t.test('data without a candidate, or with one everywhere, is cut within the bounds too', async (t) => {
  for (let byte = 0; byte < 256; byte += 15) {
    const all = lengths(cutAll(Buffer.alloc(9_000_000, byte)));
    t.ok(all.slice(0, -1).every((length) => length >= MIN_CHUNK && length <= MAX_CHUNK));
  }
});

t.test('disks are cut every MiB, and only the last chunk is shorter', async (t) => {
  const fixed = fixedChunker(DISK_CHUNK);
  fc.assert(
    fc.property(fc.nat(3 * DISK_CHUNK), (length) => {
      const cuts = fixed(Buffer.alloc(length), true);
      const whole = lengths(cuts).slice(0, -1);
      return (length === 0 ? cuts.length === 0 : cuts.at(-1) === length) && whole.every((size) => size === DISK_CHUNK);
    }),
    { numRuns: 30 },
  );
  t.pass();
});

t.test('zeros are told from data at every place', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(), (length, place) => {
      const bytes = Buffer.alloc(length);
      const zero = isZero(bytes);
      bytes[place % length] = 1;
      return zero && !isZero(bytes);
    }),
  );
  t.ok(isZero(Buffer.alloc(0)));
});
