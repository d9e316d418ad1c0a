import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressSync } from 'lz4-napi';
import t from 'tap';
import {
  CHUNK_HEADER_LENGTH,
  CHUNK_TYPE,
  type ChunkType,
  CODEC,
  type Codec,
  type Compression,
  checkRun,
  chunkId,
  chunkKeysFromSecret,
  compress,
  encodeInner,
  MAX_CHUNK_PLAINTEXT,
  manifestMac,
  openChunk,
  openInner,
  padme,
  parseChunkHeader,
  type RunKey,
  sealChunk,
} from '../src/index.ts';
import { deriveRunKey } from '../src/keys.ts';
import { secretKey } from '../src/primitives.ts';
import { codeOf, flip } from './fixtures.ts';

const { idKey } = chunkKeysFromSecret(randomBytes(32));
const domainKey = secretKey(randomBytes(32));
const domainId = randomBytes(16);
const newRun = () => deriveRunKey(domainKey, { domainId, epoch: 1, runSalt: randomBytes(32) });
const run = newRun();

const CODECS: Compression[] = [{ codec: 'auto' }, { codec: 'zstd', level: -5 }, { codec: 'lz4' }, { codec: 'none' }];

function seal(plaintext: Buffer, type: ChunkType = CHUNK_TYPE.data, compression: Compression = { codec: 'none' }) {
  const id = chunkId(idKey, type, plaintext);
  const { codec, bytes } = compress(plaintext, compression);
  const sealed = sealChunk(run, { type, id, codec, plaintextLength: plaintext.length, compressed: bytes });
  return { id, sealed };
}

function want(id: Buffer, type: ChunkType = CHUNK_TYPE.data, key: RunKey | undefined = run) {
  return { type, id, idKey, runKey: (salt: Buffer) => (key?.runSalt.equals(salt) ? key : undefined) };
}

/** Random bytes, repeated some times: compressible and not. */
const contents = fc
  .tuple(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 12 }))
  .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));

t.test('whatever is sealed opens to the same bytes, with every codec and type', async () => {
  const property = fc.property(
    contents,
    fc.constantFrom(...CODECS),
    fc.constantFrom(...Object.values(CHUNK_TYPE)),
    (plaintext, compression, type) => {
      const { id, sealed } = seal(plaintext, type, compression);
      return openChunk(sealed, want(id, type)).equals(plaintext);
    },
  );
  fc.assert(property, { numRuns: 150 });
});

t.test('a sealed chunk is one transferable buffer whose length shows only the Padmé class', async (t) => {
  const { sealed } = seal(randomBytes(300_000));
  t.equal(sealed.byteOffset, 0);
  t.equal(sealed.buffer.byteLength, sealed.length);
  t.equal(sealed.length, CHUNK_HEADER_LENGTH + padme(12 + 300_000) + 16);
  t.equal(parseChunkHeader(sealed).epoch, 1);
});

t.test('Padmé never shortens, keeps the cost under 12 % and is stable', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_CHUNK_PLAINTEXT }), (length) => {
      const padded = padme(length);
      return padded >= length && padded <= length * 1.12 + 1 && padme(padded) === padded;
    }),
  );
});

t.test('every single flipped byte of a sealed chunk is refused', async (t) => {
  const { id, sealed } = seal(Buffer.from('every byte counts, header and ciphertext and tag'));
  for (let position = 0; position < sealed.length; position++) {
    const code = codeOf(() => openChunk(flip(sealed, position, 1 + (position % 255)), want(id)));
    const known = ['chunk-damaged', 'chunk-type-mismatch', 'format-unknown', 'run-key-missing'].includes(code);
    if (!known) t.fail(`byte ${position}: ${code}`);
  }
  t.ok(openChunk(sealed, want(id)));
});

t.test('a chunk cut short, lengthened or random is refused', async () => {
  const { id, sealed } = seal(randomBytes(500));
  const mangled = fc.oneof(
    fc.nat({ max: sealed.length - 1 }).map((length) => sealed.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([sealed, more])),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(fc.property(mangled, (bytes) => codeOf(() => openChunk(bytes, want(id))) === 'chunk-damaged'));
});

t.test('a chunk of one type is not taken for another, even with the header changed', async (t) => {
  const { id, sealed } = seal(Buffer.from('metadata'), CHUNK_TYPE.tree);
  t.equal(
    codeOf(() => openChunk(sealed, want(id, CHUNK_TYPE.data))),
    'chunk-type-mismatch',
  );
  const relabelled = Buffer.from(sealed);
  relabelled.writeUInt8(CHUNK_TYPE.data, 6);
  t.equal(
    codeOf(() => openChunk(relabelled, want(id, CHUNK_TYPE.data))),
    'chunk-damaged',
  );
  const asData = chunkId(idKey, CHUNK_TYPE.data, Buffer.from('metadata'));
  t.notOk(asData.equals(id));
  t.equal(
    codeOf(() => openChunk(relabelled, want(asData, CHUNK_TYPE.data))),
    'chunk-damaged',
  );
});

t.test('a chunk is not opened under the id or the run of another', async (t) => {
  const [one, other] = [seal(Buffer.from('one')), seal(Buffer.from('other'))];
  t.equal(
    codeOf(() => openChunk(one.sealed, want(other.id))),
    'chunk-damaged',
  );
  t.equal(
    codeOf(() => openChunk(one.sealed, { ...want(one.id), runKey: () => undefined })),
    'run-key-missing',
  );
  const wrongRun = { ...newRun(), runSalt: run.runSalt };
  t.equal(
    codeOf(() => openChunk(one.sealed, { ...want(one.id), runKey: () => wrongRun })),
    'chunk-damaged',
  );
});

t.test('a run key that does not fit its recorded commitment is refused before anything is decrypted', async (t) => {
  const { id, sealed } = seal(Buffer.from('x'));
  const forged: RunKey = { ...run, key: secretKey(randomBytes(32)) };
  t.equal(
    codeOf(() => openChunk(sealed, want(id, CHUNK_TYPE.data, forged))),
    'run-key-mismatch',
  );
  const record = { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment };
  t.equal(
    codeOf(() => checkRun(run, record)),
    'no failure',
  );
  t.equal(
    codeOf(() => checkRun(run, { ...record, commitment: flip(record.commitment, 3) })),
    'run-key-mismatch',
  );
  t.equal(
    codeOf(() => checkRun(run, { ...record, epoch: 2 })),
    'run-key-mismatch',
  );
});

t.test('two seals of the same plaintext share nothing but the id', async (t) => {
  const plaintext = randomBytes(100);
  const [a, b] = [seal(plaintext), seal(plaintext)];
  t.ok(a.id.equals(b.id));
  t.notOk(a.sealed.subarray(CHUNK_HEADER_LENGTH).equals(b.sealed.subarray(CHUNK_HEADER_LENGTH)));
  t.notOk(a.sealed.subarray(64, 112).equals(b.sealed.subarray(64, 112)));
});

function bomb(codec: Codec, compressed: Buffer, plaintextLength: number) {
  const inner = encodeInner({ codec, compressed, plaintextLength, padding: 'none' });
  const id = randomBytes(32);
  return { inner, sealed: sealChunk(run, { type: 1, id, codec, compressed, plaintextLength }), id };
}

t.test('a decompression bomb stops at the length it declares', async (t) => {
  const megabytes = Buffer.alloc(64 * 1024 * 1024);
  const bombs: [Codec, Buffer][] = [
    [CODEC.zstd, zstdCompressSync(megabytes)],
    [CODEC.lz4, compressSync(megabytes).subarray(4)],
  ];
  for (const [codec, compressed] of bombs) {
    const { inner, sealed, id } = bomb(codec, compressed, compressed.length + 1000);
    t.equal(
      codeOf(() => openChunk(sealed, want(id))),
      'chunk-damaged',
    );
    t.equal(
      codeOf(() => openInner(inner, want(id))),
      'chunk-damaged',
    );
  }
});

t.test('lengths that no chunk has are refused, when made and when read', async (t) => {
  const compressed = zstdCompressSync(Buffer.alloc(1000));
  t.equal(
    codeOf(() => bomb(CODEC.zstd, compressed, MAX_CHUNK_PLAINTEXT + 1)),
    'limit-exceeded',
  );
  t.equal(
    codeOf(() => bomb(CODEC.stored, Buffer.alloc(3), 4)),
    'limit-exceeded',
  );
  const { inner } = bomb(CODEC.zstd, compressed, 1000);
  inner.writeUInt32BE(MAX_CHUNK_PLAINTEXT + 1, 4);
  t.equal(
    codeOf(() => openInner(inner, want(randomBytes(32)))),
    'chunk-damaged',
  );
});

t.test('a declared length that is too long or too short is refused', async (t) => {
  const compressed = zstdCompressSync(Buffer.alloc(5000), { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  for (const length of [4999, 5001]) {
    const { sealed, id } = bomb(CODEC.zstd, compressed, length);
    t.equal(
      codeOf(() => openChunk(sealed, want(id))),
      'chunk-damaged',
    );
  }
});

t.test('a plain chunk with other contents than its id, bad padding or an unknown codec is refused', async (t) => {
  const plaintext = Buffer.from('plain chunk');
  const id = chunkId(idKey, CHUNK_TYPE.data, plaintext);
  const part = { codec: CODEC.stored, plaintextLength: plaintext.length, compressed: plaintext };
  const inner = encodeInner({ ...part, padding: 'none' });
  t.equal(inner.length, 12 + plaintext.length);
  t.ok(openInner(inner, want(id)).equals(plaintext));
  t.equal(
    codeOf(() => openInner(flip(inner, 12), want(id))),
    'chunk-damaged',
  );
  t.equal(
    codeOf(() => openInner(flip(inner, 0, 8), want(id))),
    'format-unknown',
  );
  t.equal(
    codeOf(() => openInner(Buffer.concat([inner, Buffer.alloc(64)]), want(id))),
    'chunk-damaged',
  );
  const padded = encodeInner({ ...part, compressed: Buffer.alloc(50), plaintextLength: 50, padding: 'padme' });
  t.ok(padded.length > 62);
  t.equal(
    codeOf(() => openInner(flip(padded, padded.length - 1), want(id))),
    'chunk-damaged',
  );
});

t.test('random bytes as a plain chunk are refused, never a crash', async () => {
  const hostile = fc
    .tuple(fc.constantFrom(0, 1, 2), fc.nat({ max: 5000 }), fc.uint8Array({ maxLength: 200 }))
    .map(([codec, length, bytes]) => {
      const header = Buffer.alloc(12);
      header.writeUInt8(codec, 0);
      header.writeUInt32BE(length, 4);
      header.writeUInt32BE(bytes.length, 8);
      return Buffer.concat([header, bytes]);
    });
  fc.assert(
    fc.property(hostile, (inner) => codeOf(() => openInner(inner, want(Buffer.alloc(32)))) === 'chunk-damaged'),
    { numRuns: 300 },
  );
});

t.test('a run key that crossed to a worker thread seals what the other side opens', async (t) => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ sealChunk, chunkId }) => {
      const plaintext = Buffer.from('from the worker');
      const id = chunkId(workerData.idKey, 1, plaintext);
      const part = { type: 1, id, codec: 0, plaintextLength: plaintext.length, compressed: plaintext };
      const sealed = sealChunk(workerData.run, part);
      parentPort.postMessage({ id, sealed }, [sealed.buffer]);
    });`;
  const module = new URL('../src/index.ts', import.meta.url).href;
  const worker = new Worker(code, { eval: true, workerData: { module, idKey, run } });
  const [message] = (await once(worker, 'message')) as [{ id: Uint8Array; sealed: Uint8Array }];
  await worker.terminate();
  const [id, sealed] = [Buffer.from(message.id), Buffer.from(message.sealed)];
  t.equal(openChunk(sealed, want(id)).toString(), 'from the worker');
});

t.test('the MAC of a manifest depends on its run and on every byte', async (t) => {
  const manifest = randomBytes(200);
  const mac = manifestMac(run, manifest);
  t.ok(manifestMac(run, manifest).equals(mac));
  t.notOk(manifestMac(newRun(), manifest).equals(mac));
  t.notOk(manifestMac(run, flip(manifest, 100)).equals(mac));
});
