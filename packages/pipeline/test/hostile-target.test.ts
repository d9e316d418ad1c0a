import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHUNK_TYPE, encodeInner, parseChunkHeader } from '@sealift/crypto';
import { openManifest, type ProtectionMode, type Repository, sealManifest } from '@sealift/repository';
import { type Link, MESSAGE } from '@sealift/wire';
import t, { type Test } from 'tap';
import { type Pair, pair } from './pair.ts';
import { pretending } from './pretending.ts';
import { noise } from './sources.ts';

type StoredChunk = Awaited<ReturnType<Repository['readChunk']>>;
type Tamper = (chunk: StoredChunk, id: Buffer) => StoredChunk | Promise<StoredChunk>;

const FILES = 6;
const FILE_LENGTH = 700_000;
const MODES: ProtectionMode[] = ['in-flight', 'source-side'];

function tamperingWithChunks(repository: Repository, tamper: Tamper): Repository {
  return pretending(repository, {
    readChunk: async (zone, id, signal) => tamper(await repository.readChunk(zone, id, signal), id),
  });
}

/** Files of one chunk each, so that a chunk is a file. */
function makeFiles(both: Pair): string {
  const source = join(both.folder, 'data');
  mkdirSync(source);
  for (let i = 0; i < FILES; i++) writeFileSync(join(source, `file-${i}`), noise(`hostile ${i}`, FILE_LENGTH));
  return source;
}

/** Restores, and says which files came back; those that did must be identical. */
async function restored(t: Test, both: Pair, pointId: string, mode: ProtectionMode, name: string) {
  const destination = join(both.folder, name);
  const { warned } = await both.restore(pointId, mode, destination);
  const whole = readdirSync(join(destination, 'data')).filter((file) => {
    const same = readFileSync(join(destination, 'data', file)).equals(readFileSync(join(both.folder, 'data', file)));
    t.ok(same, `${name}: ${file} is as it was, for it was restored`);
    return same;
  });
  return { whole: whole.length, codes: [...new Set(warned.map(({ code }) => code))], named: warned.length };
}

/** Alters the first data chunk that is read, and no other. */
function firstData(alter: (chunk: StoredChunk, id: Buffer) => StoredChunk): Tamper {
  let victim: Buffer | undefined;
  return (chunk, id) => {
    if (chunk.type !== CHUNK_TYPE.data) return chunk;
    victim ??= Buffer.from(id);
    return victim.equals(id) ? alter(chunk, id) : chunk;
  };
}

const withBody = (chunk: StoredChunk, body: Buffer): StoredChunk => ({ ...chunk, body });

function flipped(body: Buffer, at: number): Buffer {
  const copy = Buffer.from(body);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

for (const mode of MODES) {
  t.test(`a target that tampers with a chunk costs that file, named, and no other, in ${mode} mode`, async (t) => {
    await using both = await pair();
    const { pointId } = await both.backup([makeFiles(both)], mode);
    const attacks: [string, (chunk: StoredChunk, id: Buffer) => StoredChunk][] = [
      ['flips a bit in its content', (chunk) => withBody(chunk, flipped(chunk.body, chunk.body.length - 20))],
      ['flips a bit in its header', (chunk) => withBody(chunk, flipped(chunk.body, 5))],
      ['cuts its end off', (chunk) => withBody(chunk, Buffer.from(chunk.body.subarray(0, -5)))],
      ['cuts all but ten bytes off', (chunk) => withBody(chunk, Buffer.from(chunk.body.subarray(0, 10)))],
      ['repeats it behind itself', (chunk) => withBody(chunk, Buffer.concat([chunk.body, chunk.body]))],
      ['passes it off as metadata', (chunk) => ({ ...chunk, type: CHUNK_TYPE.tree })],
      ['sends noise instead', (chunk) => withBody(chunk, Buffer.from(noise('instead', chunk.body.length)))],
    ];
    for (const [what, alter] of attacks) {
      both.served = tamperingWithChunks(both.repository, firstData(alter));
      const { whole, codes, named } = await restored(t, both, pointId, mode, what.replaceAll(' ', '-'));
      t.equal(whole, FILES - 1, `${what}: the other files are there`);
      t.equal(named, 1, `${what}: the file is named`);
      t.match(codes[0], /^(chunk-damaged|chunk-unreadable|tree-damaged)$/, `${what}: ${codes[0]}`);
    }
  });

  t.test(`a target that swaps two chunks is caught at both, in ${mode} mode`, async (t) => {
    await using both = await pair();
    const { pointId } = await both.backup([makeFiles(both)], mode);
    const pairOfIds: Buffer[] = [];
    both.served = pretending(both.repository, {
      readChunk: async (zone, id) => {
        const chunk = await both.repository.readChunk(zone, id);
        if (chunk.type !== CHUNK_TYPE.data) return chunk;
        if (pairOfIds.length < 2 && !pairOfIds.some((known) => known.equals(id))) pairOfIds.push(Buffer.from(id));
        const at = pairOfIds.findIndex((known) => known.equals(id));
        const other = at < 0 ? undefined : pairOfIds[(at + 1) % 2];
        return other === undefined || pairOfIds.length < 2 ? chunk : both.repository.readChunk(zone, other);
      },
    });
    const { whole, codes } = await restored(t, both, pointId, mode, 'swapped');
    t.ok(whole >= FILES - 2 && whole < FILES, `${whole} of ${FILES} files are restored`);
    t.same(codes, ['chunk-damaged']);
  });

  t.test(
    `a target that withholds a chunk or the tree is told apart from an empty backup, in ${mode} mode`,
    async (t) => {
      await using both = await pair();
      const { pointId } = await both.backup([makeFiles(both)], mode);
      const missing = Buffer.alloc(32, 9);
      const lost = (type: number) =>
        pretending(both.repository, {
          readChunk: async (zone, id) => {
            const chunk = await both.repository.readChunk(zone, id);
            return chunk.type === type ? both.repository.readChunk(zone, missing) : chunk;
          },
        });
      both.served = lost(CHUNK_TYPE.data);
      const { whole, codes, named } = await restored(t, both, pointId, mode, 'without-data');
      t.same([whole, named, codes], [0, FILES, ['chunk-missing']]);
      both.served = lost(CHUNK_TYPE.manifest);
      await t.rejects(both.restore(pointId, mode, join(both.folder, 'none')), { code: 'chunk-missing' });
      both.served = lost(CHUNK_TYPE.tree);
      const { warned } = await both.restore(pointId, mode, join(both.folder, 'treeless'));
      t.same(
        warned.map(({ code }) => code),
        ['chunk-missing'],
      );
      const gone = pretending(both.repository, { readPoint: () => both.repository.readPoint(both.jobId) });
      both.served = gone;
      await t.rejects(both.restore(pointId, mode, join(both.folder, 'none')), { code: 'point-missing' });
    },
  );

  t.test(
    `a target that hands out another, altered or self-made recovery point is caught, in ${mode} mode`,
    async (t) => {
      await using both = await pair();
      const source = makeFiles(both);
      const older = (await both.backup([source], mode)).pointId;
      writeFileSync(join(source, 'newer'), 'newer');
      const newer = (await both.backup([source], mode)).pointId;
      const handing = (alter: (file: Buffer) => Buffer) =>
        pretending(both.repository, {
          readPoint: async (id) => {
            const { manifest, record } = await both.repository.readPoint(id);
            return { manifest: alter(manifest), record };
          },
        });
      const { manifest: oldFile } = await both.repository.readPoint(older);
      both.served = handing(() => oldFile);
      await t.rejects(
        both.restore(newer, mode, join(both.folder, 'none')),
        { code: 'point-substituted' },
        'an older one',
      );

      const { manifest: file } = await both.repository.readPoint(newer);
      for (const at of [5, 8, 40, Math.floor(file.length / 2), file.length - 200, file.length - 40, file.length - 1]) {
        both.served = handing((honest) => flipped(honest, at));
        await t.rejects(
          both.restore(newer, mode, join(both.folder, 'none')),
          { name: 'Failure' },
          `byte ${at} changed`,
        );
      }
      both.served = handing((honest) => honest.subarray(0, -1));
      await t.rejects(
        both.restore(newer, mode, join(both.folder, 'none')),
        { name: 'Failure', kind: 'corrupt' },
        'cut off',
      );

      const { manifest } = openManifest(file, {});
      const made = sealManifest(
        { ...manifest, createdAt: manifest.createdAt + 1 },
        mode === 'in-flight' ? { identity: both.target } : { identity: both.target, run: both.domain.newRun() },
      );
      both.served = handing(() => made);
      const forged = { code: 'manifest-forged' };
      await t.rejects(
        both.restore(newer, mode, join(both.folder, 'none')),
        forged,
        'one that the target signed itself',
      );

      both.served = both.repository;
      t.equal((await restored(t, both, newer, mode, 'honest')).whole, FILES + 1, 'from an honest target it comes back');
    },
  );
}

t.test(
  'chunks of another encryption domain or of another mode are refused where source-side chunks are due',
  async (t) => {
    await using both = await pair();
    await using other = await pair();
    const { pointId } = await both.backup([makeFiles(both)], 'source-side');
    const strangers: Buffer[] = [];
    await other.backup([makeFiles(other)], 'source-side');
    other.served = tamperingWithChunks(other.repository, (chunk) => {
      if (chunk.type === CHUNK_TYPE.data) strangers.push(Buffer.from(chunk.body));
      return chunk;
    });
    const [point] = await other.repository.points();
    await other.restore(point?.id as string, 'source-side', join(other.folder, 'theirs'));
    const stranger = strangers[0] as Buffer;
    t.notOk(parseChunkHeader(stranger).domainId.equals(both.domain.domainId));

    both.served = tamperingWithChunks(
      both.repository,
      firstData((chunk) => withBody(chunk, Buffer.from(stranger))),
    );
    t.same(await restored(t, both, pointId, 'source-side', 'foreign'), {
      whole: FILES - 1,
      codes: ['chunk-unreadable'],
      named: 1,
    });

    const dressed = firstData((chunk) => {
      const body = Buffer.from(stranger);
      const own = parseChunkHeader(chunk.body);
      body.set(own.domainId, 8);
      body.set(own.runSalt, 32);
      return withBody(chunk, body);
    });
    both.served = tamperingWithChunks(both.repository, dressed);
    t.same(await restored(t, both, pointId, 'source-side', 'dressed'), {
      whole: FILES - 1,
      codes: ['chunk-damaged'],
      named: 1,
    });

    const plaintext = noise('hostile 0', FILE_LENGTH);
    const plain = encodeInner({ codec: 0, plaintextLength: plaintext.length, compressed: plaintext, padding: 'none' });
    both.served = tamperingWithChunks(
      both.repository,
      firstData((chunk) => withBody(chunk, Buffer.from(plain))),
    );
    t.same(await restored(t, both, pointId, 'source-side', 'plain'), {
      whole: FILES - 1,
      codes: ['chunk-damaged'],
      named: 1,
    });
  },
);

t.test('a target that claims to hold what it does not is found when its word is put to the test', async (t) => {
  await using both = await pair();
  const source = makeFiles(both);
  both.served = pretending(both.repository, {
    lookup: () => ({ state: 'chunk' }),
  });
  // The commit is the repository's own and looks every reference up, so this target would have to forge that too.
  await t.rejects(both.backup([source], 'source-side', { signal: AbortSignal.timeout(20_000) }), { name: 'Failure' });
  t.same(await both.repository.points(), [], 'no recovery point pretends to be whole');
});

type Send = Link['send'];

/** A link whose messages of one kind are altered once; afterwards it is honest. */
function altering(kind: number, alter: (send: Send, kind: number, parts: Buffer[]) => Promise<void>) {
  let left = 1;
  return (link: Link): Link =>
    new Proxy(link, {
      get(truth, name) {
        const value = Reflect.get(truth, name);
        if (name !== 'send') return typeof value === 'function' ? value.bind(truth) : value;
        const send: Send = (sent, parts) => truth.send(sent, parts);
        return (sent: number, parts: Buffer[]) =>
          sent === kind && left-- > 0 ? alter(send, sent, parts) : send(sent, parts);
      },
    });
}

const MESSAGE_ATTACKS: [string, (send: Send, kind: number, parts: Buffer[]) => Promise<void>][] = [
  ['cut short', (send, kind, parts) => send(kind, [Buffer.concat(parts).subarray(0, -1)])],
  ['lengthened', (send, kind, parts) => send(kind, [...parts, Buffer.from([0])])],
  ['emptied', (send, kind) => send(kind, [Buffer.alloc(0)])],
  ['repeated', (send, kind, parts) => send(kind, parts).then(() => send(kind, parts))],
  ['of an unknown kind', (send, _, parts) => send(200, parts)],
  ['with its first byte flipped', (send, kind, parts) => send(kind, [flipped(Buffer.concat(parts), 0)])],
];

const TOLD_AT_BACKUP = ['opened', 'answer', 'ack', 'runs', 'committed'] as const;
const GIVEN_AT_RESTORE = ['point', 'fetched'] as const;

t.test(
  'every kind of message, altered once by the target, harms neither a backup nor a restore after it',
  async (t) => {
    await using both = await pair();
    const source = makeFiles(both);
    let { pointId } = await both.backup([source], 'source-side');
    for (const name of TOLD_AT_BACKUP) {
      for (const [what, alter] of MESSAGE_ATTACKS) {
        both.disguise = altering(MESSAGE[name], alter);
        writeFileSync(join(source, 'file-0'), noise(`${name} ${what}`, FILE_LENGTH));
        const ended = await outcome(both.backup([source], 'source-side', { signal: AbortSignal.timeout(20_000) }));
        t.not(ended.kind, 'bug', `backup, ${name} ${what}: ${ended.code}`);
        t.not(ended.code, 'TimeoutError', `backup, ${name} ${what}: does not hang`);
      }
      both.disguise = (link) => link;
      ({ pointId } = await both.backup([source], 'source-side'));
      t.equal((await restored(t, both, pointId, 'source-side', `after-${name}`)).whole, FILES);
    }
    for (const name of GIVEN_AT_RESTORE) {
      for (const [what, alter] of MESSAGE_ATTACKS) {
        both.disguise = altering(MESSAGE[name], alter);
        const ended = await outcome(restored(t, both, pointId, 'source-side', `${name}-${what.replaceAll(' ', '-')}`));
        t.not(ended.kind, 'bug', `restore, ${name} ${what}: ${ended.code}`);
      }
    }
  },
);

async function outcome(work: Promise<unknown>): Promise<{ code: string; kind: string }> {
  try {
    await work;
    return { code: 'done', kind: 'none' };
  } catch (thrown) {
    const { code, kind, name } = thrown as { code: string; kind: string; name: string };
    return { code: name === 'TimeoutError' ? name : code, kind };
  }
}
