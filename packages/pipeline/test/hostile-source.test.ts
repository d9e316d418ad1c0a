import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { CHUNK_TYPE, chunkId, chunkKeysFromSecret, encodeBundle, encodeInner, sealChunk } from '@sealift/crypto';
import { type Manifest, openManifest, sealManifest } from '@sealift/repository';
import {
  decodePoint,
  decodePoints,
  decodeRefused,
  encodeChunk,
  encodeCommit,
  encodeListPoints,
  encodeReadPoint,
  MESSAGE,
  type Opened,
} from '@sealift/wire';
import t from 'tap';
import { Liar } from './lying-source.ts';
import { type Pair, pair } from './pair.ts';
import { noise } from './sources.ts';

const NO_MEMBERS = Buffer.alloc(0);

function plainInner(plaintext: Buffer): Buffer {
  return encodeInner({ codec: 0, plaintextLength: plaintext.length, compressed: plaintext, padding: 'none' });
}

/** An inner with these fields, whether or not they make sense. */
function rawInner(codec: number, plaintextLength: number, compressed: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(codec, 0);
  header.writeUInt32BE(plaintextLength, 4);
  header.writeUInt32BE(compressed.length, 8);
  return Buffer.concat([header, compressed]);
}

async function honestIds(liar: Liar) {
  return chunkKeysFromSecret((liar.opened as Opened).chunkSecret as Buffer).idKey;
}

/** Whatever a liar did, an honest run afterwards is whole and comes back. */
async function stillServes(t: { ok: (value: boolean, name: string) => unknown }, both: Pair): Promise<void> {
  const path = join(both.folder, `honest-${randomUUID()}`);
  writeFileSync(path, noise(path, 300_000));
  const { pointId } = await both.backup([path], 'in-flight');
  const { warned } = await both.restore(pointId, 'in-flight', `${path}-restored`);
  t.ok(warned.length === 0, 'an honest run afterwards comes back whole');
}

t.test(
  'in-flight: a chunk under a wrong id, of a wrong type or with wrong members is refused and not stored',
  async (t) => {
    await using both = await pair();
    const zone = Buffer.from(both.repository.id.replaceAll('-', ''), 'hex');
    const contents = Buffer.from('what a victim would back up later');
    const bundle = encodeBundle([{ id: randomBytes(32), contents }]);
    const attacks: [string, (liar: Liar, id: Buffer) => Promise<void>][] = [
      [
        'other contents under the id',
        (liar, id) => liar.chunk(CHUNK_TYPE.data, id, plainInner(Buffer.from('planted'))),
      ],
      ['metadata as data', (liar, id) => liar.chunk(CHUNK_TYPE.tree, id, plainInner(contents))],
      ['noise', (liar, id) => liar.chunk(CHUNK_TYPE.data, id, randomBytes(500))],
      [
        'a bundle whose members are not what their ids say',
        async (liar) => {
          const idKey = await honestIds(liar);
          const id = chunkId(idKey, CHUNK_TYPE.bundle, bundle);
          await liar.chunk(CHUNK_TYPE.bundle, id, plainInner(bundle), randomBytes(32));
        },
      ],
    ];
    for (const [what, attack] of attacks) {
      await using liar = await Liar.open(both, 'in-flight');
      const id = chunkId(await honestIds(liar), CHUNK_TYPE.data, contents);
      await attack(liar, id);
      const { code, kind } = await liar.refusal();
      t.ok(kind !== 'bug', `${what}: ${code}`);
      t.same(both.repository.lookup(zone, id), { state: 'missing' }, `${what}: not stored`);
    }
    t.equal(both.repository.stats().chunks, 0);
    await stillServes(t, both);
  },
);

t.test('in-flight: bombs take no more memory than a chunk may have, and are refused', async (t) => {
  await using both = await pair();
  const zeros = zstdCompressSync(Buffer.alloc(512 * 1024 * 1024));
  const bombs: [string, Buffer][] = [
    ['512 MiB of zeros that claim to be 1 MiB', rawInner(2, 1024 * 1024, zeros)],
    ['512 MiB of zeros that say so', rawInner(2, 512 * 1024 * 1024, zeros)],
    ['a length of 4 GiB', rawInner(2, 0xffff_ffff, zeros)],
    [
      'an LZ4 block that copies itself',
      rawInner(1, 16 * 1024 * 1024, Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(70_000, 255)])),
    ],
    ['a codec that does not exist', rawInner(9, 100, Buffer.alloc(50))],
  ];
  const before = process.memoryUsage().rss;
  for (const [what, body] of bombs) {
    await using liar = await Liar.open(both, 'in-flight');
    await liar.chunk(CHUNK_TYPE.data, randomBytes(32), body);
    const { code } = await liar.refusal();
    t.match(code, /^(chunk-damaged|format-unknown)$/, `${what}: ${code}`);
  }
  const grown = process.memoryUsage().rss - before;
  t.ok(grown < 200e6, `${(grown / 1e6).toFixed(0)} MB more than before`);
  await stillServes(t, both);
});

t.test('source-side: a chunk under a wrong id stays in its dedup zone, and whoever reads it finds out', async (t) => {
  await using both = await pair();
  const { chunkKeys, domainId } = both.domain;
  const path = join(both.folder, 'victim');
  const contents = noise('victim', 300_000);
  writeFileSync(path, contents);
  const run = both.domain.newRun();
  // Made up by a source of the same zone that knows what the victim will back up.
  const id = chunkId(chunkKeys.idKey, CHUNK_TYPE.data, contents);
  {
    await using liar = await Liar.open(both, 'source-side', run);
    const planted = Buffer.from('planted');
    const part = { type: CHUNK_TYPE.data, id, codec: 0, plaintextLength: planted.length, compressed: planted } as const;
    await liar.chunk(CHUNK_TYPE.data, id, sealChunk(run, part));
    await liar.acknowledged();
  }
  t.same(both.repository.lookup(domainId, id), { state: 'chunk' }, 'the target cannot know');
  const elsewhere = Buffer.from(both.repository.id.replaceAll('-', ''), 'hex');
  t.same(both.repository.lookup(elsewhere, id), { state: 'missing' }, 'no other zone sees it');
  const { pointId } = await both.backup([path], 'source-side');
  const { warned } = await both.restore(pointId, 'source-side', join(both.folder, 'restored'));
  t.same(
    warned.map(({ code }) => code),
    ['chunk-damaged'],
    'reading it back names the file',
  );
  await stillServes(t, both);
});

t.test('source-side: a chunk of another run, domain or type than the session was opened for is refused', async (t) => {
  await using both = await pair();
  const run = both.domain.newRun();
  const id = randomBytes(32);
  const part = { type: CHUNK_TYPE.data, id, codec: 0, plaintextLength: 3, compressed: Buffer.from('abc') } as const;
  const bodies: [string, Buffer][] = [
    ['of another run', sealChunk(both.domain.newRun(), part)],
    ['of another domain', sealChunk({ ...run, domainId: randomBytes(16) }, part)],
    ['of another type', sealChunk(run, { ...part, type: CHUNK_TYPE.tree })],
    ['that is not sealed', plainInner(Buffer.from('abc'))],
    ['that is cut off', sealChunk(run, part).subarray(0, 60)],
  ];
  for (const [what, body] of bodies) {
    await using liar = await Liar.open(both, 'source-side', run);
    await liar.chunk(CHUNK_TYPE.data, id, Buffer.from(body));
    const { code, kind } = await liar.refusal();
    t.ok(kind !== 'bug', `one ${what}: ${code}`);
  }
  t.equal(both.repository.stats().chunks, 0);
});

t.test('a point may refer to nothing that is not there or lies in another zone', async (t) => {
  await using both = await pair();
  const path = join(both.folder, 'secret');
  writeFileSync(path, noise('secret', 300_000));
  const { pointId } = await both.backup([path], 'source-side');
  const { manifest } = openManifest((await both.repository.readPoint(pointId)).manifest, {});
  await using liar = await Liar.open(both, 'in-flight');
  const ids = Buffer.concat([manifest.body, randomBytes(32)]);
  t.equal(
    (await liar.references(ids)).missing,
    2,
    'chunks of the encryption domain are not in the zone of the session',
  );
  const file = sealManifest(liar.manifest(ids, {}), { identity: both.source });
  await liar.say(MESSAGE.commit, encodeCommit(file));
  t.equal((await liar.refusal()).code, 'point-incomplete');
  t.equal(both.repository.stats().points, 1);
});

t.test(
  'a point for another job, of another source, of another zone or signed by another is not committed',
  async (t) => {
    await using both = await pair();
    await using other = await pair();
    const contents = Buffer.from('the body of a point');
    const bends: [string, Partial<Manifest>, 'own' | 'foreign'][] = [
      ['another job', { jobId: randomUUID() }, 'own'],
      ['another source', { sourceId: randomUUID() }, 'own'],
      ['another zone', { zone: randomBytes(16) }, 'own'],
      ['another point', { pointId: randomUUID() }, 'own'],
      ['other references', { references: { count: 1, hash: randomBytes(32) } }, 'own'],
      ['another signer', { sourceId: other.sourceId }, 'foreign'],
    ];
    for (const [what, bend, signer] of bends) {
      await using liar = await Liar.open(both, 'in-flight');
      const id = chunkId(await honestIds(liar), CHUNK_TYPE.manifest, contents);
      await liar.chunk(CHUNK_TYPE.manifest, id, plainInner(contents));
      await liar.acknowledged();
      await liar.references(id);
      const identity = signer === 'own' ? both.source : other.source;
      await liar.say(MESSAGE.commit, encodeCommit(sealManifest(liar.manifest(id, bend), { identity })));
      const { code, kind } = await liar.refusal();
      t.equal(kind === 'refused' || kind === 'corrupt', true, `${what}: ${code}`);
    }
    t.equal(both.repository.stats().points, 0);
    await stillServes(t, both);
  },
);

t.test('a backup session reads no recovery point but its own, and serves no restore', async (t) => {
  await using both = await pair();
  const path = join(both.folder, 'secret');
  writeFileSync(path, noise('secret', 3000));
  const { pointId } = await both.backup([path], 'in-flight');
  for (const kind of [MESSAGE.readPoint, MESSAGE.listPoints, MESSAGE.fetch, MESSAGE.opened, 200]) {
    await using liar = await Liar.open(both, 'in-flight');
    await liar.say(kind, kind === MESSAGE.fetch ? [randomBytes(36)] : encodeReadPoint(pointId));
    const { code } = await liar.refusal();
    t.match(code, /^(not-permitted|protocol-violation)$/, `message ${kind}: ${code}`);
  }
});

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(
    `a ticket to read opens the points of its job alone, also where the dedup zone is shared, ${mode}`,
    async (t) => {
      await using both = await pair();
      const path = join(both.folder, 'secret');
      writeFileSync(path, noise('secret', 3000));
      const [victim, agent, idle] = [both.jobId, randomUUID(), randomUUID()];
      const { pointId: theirs, hash } = await both.backup([path], mode);
      both.jobId = agent;
      const { pointId: own } = await both.backup([path], mode);

      const listed = async () => {
        await using liar = await Liar.openToRead(both, mode);
        await liar.say(MESSAGE.listPoints, encodeListPoints());
        return decodePoints((await liar.hear()).payload).map(({ pointId }) => pointId);
      };
      const read = async (id: string) => {
        await using liar = await Liar.openToRead(both, mode);
        await liar.say(MESSAGE.readPoint, encodeReadPoint(id));
        const { kind, payload } = await liar.hear();
        if (kind === MESSAGE.refused) return decodeRefused(payload).code;
        return openManifest(decodePoint(payload), {}).manifest.pointId;
      };
      t.same(await listed(), [own]);
      t.equal(await read('latest'), own);
      t.equal(await read(own), own);
      t.equal(await read(theirs), 'not-permitted');
      await t.rejects(both.restore(theirs, mode, join(both.folder, 'stolen')), { code: 'not-permitted' });
      await t.rejects(both.sample(theirs, mode, { files: 1, hash }), { code: 'not-permitted' });
      t.notOk(existsSync(join(both.folder, 'stolen', 'secret')));
      both.jobId = idle;
      t.same(await listed(), []);
      t.equal(await read('latest'), 'point-unknown');
      t.equal(await read(own), 'not-permitted');
      both.jobId = victim;
      t.same(await listed(), [theirs]);
      t.same((await both.restore(theirs, mode, join(both.folder, 'restored'))).warned, [], 'its own job comes back');
    },
  );
}

t.test('more unacknowledged bytes than the window, or chunks out of order, end the session', async (t) => {
  await using both = await pair();
  {
    await using liar = await Liar.open(both, 'in-flight');
    const body = Buffer.from(plainInner(randomBytes(100)));
    await liar.say(
      MESSAGE.chunk,
      encodeChunk({ sequence: 2, type: CHUNK_TYPE.data, id: randomBytes(32), members: NO_MEMBERS, body }),
    );
    t.equal((await liar.refusal()).code, 'protocol-violation');
  }
  await stillServes(t, both);
});
