import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  CHUNK_TYPE,
  checkBundle,
  chunkId,
  chunkKeysFromSecret,
  decodeBundle,
  encodeBundle,
  isChunkType,
} from '../src/index.ts';
import { codeOf, flip } from './fixtures.ts';

const { idKey } = chunkKeysFromSecret(randomBytes(32));

function member(contents: Buffer) {
  return { id: chunkId(idKey, CHUNK_TYPE.data, contents), contents };
}

const members = fc.array(
  fc.uint8Array({ maxLength: 100 }).map((bytes) => member(Buffer.from(bytes))),
  { maxLength: 20 },
);

t.test('a bundle gives back its members, and their ids hold', async () => {
  fc.assert(
    fc.property(members, (given) => {
      const bundle = decodeBundle(encodeBundle(given));
      checkBundle(bundle, idKey);
      const same = given.every(({ id, contents }, n) => bundle.id(n).equals(id) && bundle.contents(n).equals(contents));
      return same && bundle.count === given.length;
    }),
  );
});

t.test('a member that is not there cannot be taken', async (t) => {
  const bundle = decodeBundle(encodeBundle([member(Buffer.from('only'))]));
  for (const ordinal of [-1, 1, 0.5, Number.NaN, 2 ** 32]) {
    t.equal(
      codeOf(() => bundle.contents(ordinal)),
      'chunk-damaged',
    );
    t.equal(
      codeOf(() => bundle.id(ordinal)),
      'chunk-damaged',
    );
  }
});

t.test('random bytes are refused or read within bounds, never a crash', async () => {
  const hostile = fc.tuple(fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 200 })).map(([count, bytes]) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(count);
    return Buffer.concat([header, bytes]);
  });
  const reading = (bytes: Buffer) =>
    codeOf(() => {
      const bundle = decodeBundle(bytes);
      for (let n = 0; n < bundle.count; n++) bundle.contents(n);
    });
  const safe = (bytes: Buffer) => ['no failure', 'chunk-damaged'].includes(reading(bytes));
  fc.assert(
    fc.property(
      fc.oneof(
        hostile,
        fc.uint8Array().map((b) => Buffer.from(b)),
      ),
      safe,
    ),
    { numRuns: 500 },
  );
});

t.test('a changed offset, length or count is refused', async (t) => {
  const bytes = encodeBundle([member(Buffer.from('aa')), member(Buffer.from('bbb'))]);
  for (const position of [3, 39, 43, 79, 83]) {
    t.equal(
      codeOf(() => decodeBundle(flip(bytes, position))),
      'chunk-damaged',
      `byte ${position}`,
    );
  }
});

t.test('a member under a false id is found by who holds the id key', async (t) => {
  const bundle = decodeBundle(encodeBundle([{ id: randomBytes(32), contents: Buffer.from('planted') }]));
  t.equal(
    codeOf(() => checkBundle(bundle, idKey)),
    'chunk-damaged',
  );
});

t.test('the six types are types and nothing else is', async (t) => {
  t.same([0, 1, 6, 7, 1.5].map(isChunkType), [false, true, true, false, false]);
});
