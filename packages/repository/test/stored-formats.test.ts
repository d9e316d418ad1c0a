import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '@sealift/core';
import { CHUNK_TYPE, uuidBytes } from '@sealift/crypto';
import {
  type ChunkToStore,
  createRepository,
  decodeManifest,
  encodeManifest,
  filesystemStore,
  type Manifest,
  openManifest,
  openRepository,
  type Repository,
  sealManifest,
} from '@sealift/repository';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import t from 'tap';
import { bytes } from './fixtures/arbitrary.ts';
import { aBundle, aChunk, sha256 } from './fixtures/chunks.ts';
import { aDomain, aManifest, aSigner, commitPoint } from './fixtures/points.ts';

const holder = '6f6b2f0e-4e0a-4a53-b1c0-0a2f3a0c1d2e';
const signer = await aSigner();
const { domain, descriptor } = await aDomain();
const run = domain.newRun();
const publicRun = { runSalt: run.runSalt, epoch: run.epoch, commitment: run.commitment };
const sourceId = signer.identity.id;
const sealed = aManifest({
  sourceId,
  mode: 'source-side',
  zone: run.domainId,
  run: publicRun,
  runs: [publicRun],
  descriptor,
});

/** The bytes with one bit of one byte changed, for every byte, or every `step`th. */
function* everyFlip(file: Buffer, start = 0, step = 1): Generator<{ at: number; bent: Buffer }> {
  for (let at = start; at < file.length; at += step) {
    const bent = Buffer.from(file);
    bent.writeUInt8(bent.readUInt8(at) ^ (1 << (at % 8)), at);
    yield { at, bent };
  }
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind !== 'bug') return thrown.code;
    throw thrown;
  }
}

t.test('manifests come back as they went in, in one canonical form', async (t) => {
  const hash = bytes(32, 32);
  const aRun = fc.record({ runSalt: hash, epoch: fc.integer({ min: 0, max: 0xffffffff }), commitment: hash });
  const fields = fc.record({
    pointId: fc.uuid(),
    jobId: fc.uuid(),
    sourceId: fc.uuid(),
    createdAt: fc.integer({ min: 0, max: 8.64e15 }),
    sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    zone: bytes(16, 16),
    references: fc.record({ count: fc.maxSafeNat(), hash }, { noNullPrototype: true }),
    body: hash,
    version: fc.constant(1 as const),
  });
  const chained = fc.record({ previous: hash }, { requiredKeys: [] });
  const sourceSide = fc.record({
    mode: fc.constant('source-side' as const),
    run: aRun,
    runs: fc.array(aRun, { maxLength: 4 }),
    descriptor: bytes(0, 300),
  });
  const inFlight = fc.record({ mode: fc.constant('in-flight' as const), runs: fc.constant([]) });
  fc.assert(
    fc.property(fields, chained, fc.oneof(sourceSide, inFlight), (fixed, link, mode) => {
      const manifest = { ...fixed, ...link, ...mode } as Manifest;
      const encoded = encodeManifest(manifest);
      t.same(decodeManifest(encoded), manifest, { silent: true });
      if (!encodeManifest(decodeManifest(encoded)).equals(encoded)) throw new Error('not canonical');
    }),
    { numRuns: 60 },
  );
});

t.test('a manifest in any other form than the canonical one is refused', async (t) => {
  const manifest = aManifest();
  const refused = (value: unknown) => t.throws(() => decodeManifest(pack(value)), { code: 'format-damaged' });
  refused({ ...manifest, extra: 1 });
  refused(Object.fromEntries(Object.entries(manifest).reverse()));
  refused({ ...manifest, pointId: manifest.pointId.toUpperCase() });
  refused({ ...manifest, sequence: 0 });
  refused({ ...manifest, sequence: 1.5 });
  refused({ ...manifest, mode: 'none' });
  refused({ ...manifest, run: publicRun });
  refused({ ...manifest, runs: [publicRun] });
  refused({ ...sealed, run: undefined });
  refused({ ...manifest, zone: 'x'.repeat(16) });
  refused({ ...manifest, references: null });
  refused([manifest]);
  refused(null);
  refused(17);
  t.throws(() => encodeManifest({ ...manifest, version: 2 as never }), { code: 'format-limit' });
});

t.test('random bytes are no manifest and no recovery point', async () => {
  fc.assert(
    fc.property(bytes(0, 400), (noise) => {
      if (codeOf(() => decodeManifest(noise)) !== 'format-damaged') throw new Error('manifest');
      if (codeOf(() => openManifest(noise)) !== 'format-damaged') throw new Error('noise');
      if (codeOf(() => openManifest(Buffer.concat([Buffer.from('SLRP\0\x01\0\0'), noise]))) === 'accepted') {
        throw new Error('point');
      }
    }),
    { numRuns: 300 },
  );
});

t.test('every changed byte of a recovery point is noticed, with no key and no authority', async (t) => {
  const file = sealManifest(sealed, { run, identity: signer.identity });
  t.equal(
    codeOf(() => openManifest(file)),
    'accepted',
  );
  for (const { at, bent } of everyFlip(file)) {
    if (codeOf(() => openManifest(bent)) === 'accepted') t.fail(`byte ${at}`);
  }
  for (let length = 0; length < file.length; length++) {
    if (codeOf(() => openManifest(file.subarray(0, length))) === 'accepted') t.fail(`cut off at ${length}`);
  }
});

t.test('a changed byte is noticed even if the checksum was made to fit', async (t) => {
  const file = sealManifest(sealed, { run, identity: signer.identity });
  for (const { at, bent } of everyFlip(file.subarray(0, -32), 0, 5)) {
    const fixed = Buffer.concat([bent, sha256(bent)]);
    if (codeOf(() => openManifest(fixed, { authority: signer.authority.certificate })) === 'accepted')
      t.fail(`byte ${at}`);
  }
});

t.test(
  'a manifest signed by a stranger, or under another run key, is refused when authority and key are asked for',
  async (t) => {
    const stranger = await aSigner();
    const own = { ...sealed, sourceId: stranger.identity.id };
    const file = sealManifest(own, { run, identity: stranger.identity });
    t.equal(openManifest(file).signer.id, stranger.identity.id);
    t.throws(() => openManifest(file, { authority: signer.authority.certificate }), { code: 'certificate-untrusted' });
    t.ok(openManifest(file, { authority: stranger.authority.certificate, runKey: () => run }));
    t.throws(() => openManifest(file, { runKey: () => undefined }), { code: 'wrong-run-key' });
    t.throws(() => openManifest(file, { runKey: () => domain.newRun() }), { code: 'run-key-mismatch' });
    const forged = sealManifest(sealed, { run: domain.newRun(), identity: signer.identity });
    t.throws(() => openManifest(forged, { runKey: () => run }), { code: 'manifest-forged' });
    t.throws(() => sealManifest(sealed, { identity: signer.identity }), { code: 'format-limit' });
  },
);

t.test('a point that another signed than the source it names, or a target, is refused', async (t) => {
  const stranger = await aSigner();
  const forged = sealManifest(sealed, { run, identity: stranger.identity });
  t.throws(() => openManifest(forged), { code: 'manifest-forged' });
  const target = await aSigner('target');
  const made = sealManifest({ ...sealed, sourceId: target.identity.id }, { run, identity: target.identity });
  t.throws(() => openManifest(made), { code: 'manifest-forged', message: /target/ });
});

t.test('an authority is asked as of the time the point was made, so old points stay valid', async (t) => {
  const later = aManifest({ sourceId, createdAt: Date.now() + 60 * 24 * 3600_000 });
  const file = sealManifest(later, { identity: signer.identity });
  t.throws(() => openManifest(file, { authority: signer.authority.certificate }), { code: 'certificate-expired' });
});

async function smallRepository(t: { testdir(): string }, chunks: ChunkToStore[] = [aChunk(40), aChunk(7)]) {
  const store = filesystemStore(t.testdir());
  const zone = uuidBytes((await createRepository(store)).id);
  await using repository = await openRepository(store, { holder });
  await using writer = repository.writer({ zone });
  for (const chunk of chunks) await writer.put(chunk);
  return { store, zone, chunks };
}

t.test('every changed byte of a config without a second copy is noticed', async (t) => {
  const { store } = await smallRepository(t);
  await store.remove('spare/config');
  const path = join(store.location, 'config');
  const config = await readFile(path);
  for (const { at, bent } of everyFlip(config)) {
    await writeFile(path, bent);
    const opened = openRepository(store, { holder, readOnly: true });
    const failure = await opened.then(
      () => undefined,
      (thrown) => thrown,
    );
    if (!['format-damaged', 'repository-too-new'].includes(failure?.code)) t.fail(`byte ${at}: ${failure}`);
  }
});

t.test('a repository, a pack and a point written by a newer version are refused by that name', async (t) => {
  const { store } = await smallRepository(t);
  const path = join(store.location, 'config');
  const config = await readFile(path);
  config.writeUInt16BE(3, 4);
  sha256(config.subarray(0, 68)).copy(config, 68);
  await writeFile(path, config);
  await t.rejects(openRepository(store, { holder }), {
    code: 'repository-too-new',
    kind: 'refused',
    message: /version 3/,
  });
  const point = sealManifest(aManifest({ sourceId }), { identity: signer.identity });
  point.writeUInt16BE(2, 4);
  t.throws(() => openManifest(point), { code: 'repository-too-new' });
});

async function damagedChunks(repository: Repository, zone: Buffer, chunks: ChunkToStore[]): Promise<number> {
  let damaged = 0;
  for (const { id, body } of chunks) {
    const read = await repository.readChunk(zone, id).catch((thrown) => thrown);
    if (read instanceof Failure) t.equal(read.code, 'chunk-damaged', { silent: true });
    if (read instanceof Failure) damaged++;
    else t.ok(read.body.equals(body), { silent: true });
  }
  return damaged;
}

t.test('every changed byte of a pack is noticed: at opening in the footer, at reading in a chunk', async (t) => {
  const { store, zone, chunks } = await smallRepository(t, [aBundle(1, 30), aChunk(5, CHUNK_TYPE.tree)]);
  const [name] = (await store.list('packs')) as [string];
  const path = join(store.location, name);
  const original = await readFile(path);
  const footer = Number(original.readBigUInt64BE(original.length - 56));
  for (const { at, bent } of everyFlip(original, 128)) {
    await writeFile(path, bent);
    await using repository = await openRepository(store, { holder, readOnly: true });
    const found = repository.problems.map((problem) => problem.code);
    const damaged = await damagedChunks(repository, zone, chunks);
    const noticed = at < footer ? damaged === 1 && found.length === 0 : damaged === 0 && found[0] === 'pack-damaged';
    if (!noticed) t.fail(`byte ${at}: ${damaged} chunks, ${found}`);
  }
});

t.test(
  'a pack with neither footer nor header to read is reported, and new backups store its chunks again',
  async (t) => {
    const { store, zone, chunks } = await smallRepository(t);
    const [name] = (await store.list('packs')) as [string];
    await writeFile(join(store.location, name), randomBytes(500));
    await using repository = await openRepository(store, { holder });
    t.match(repository.problems, [{ code: 'pack-damaged', kind: 'corrupt', message: /nothing of it can be read/ }]);
    await using writer = repository.writer({ zone });
    for (const chunk of chunks) {
      await writer.put(chunk);
      t.ok((await repository.readChunk(zone, chunk.id)).body.equals(chunk.body));
    }
  },
);

t.test('no file name in a repository and no byte of a point names what is protected', async (t) => {
  const { store } = await smallRepository(t);
  await using repository = await openRepository(store, { holder });
  await commitPoint(repository, signer, { run, descriptor });
  for (const folder of ['packs', 'points', 'references']) {
    for (const name of await store.list(folder)) t.match(name, /^[a-z]+(\/[0-9a-f]{2})?\/[0-9a-f-]{32,36}(\.pack)?$/);
  }
});
