import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Failure } from '@sealift/core';
import {
  CHUNK_TYPE,
  CODEC,
  chunkId,
  chunkKeysFromSecret,
  encodeBundle,
  encodeInner,
  newUuidBytes,
  type RunKey,
  sealInner,
  uuidBytes,
} from '@sealift/crypto';
import { createTargetWorkers, proveInFlight } from '@sealift/pipeline';
import { type ChunkToStore, createRepository, filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';

type Plain = Pick<ChunkToStore, 'type' | 'members'> & { contents: Buffer };

/** A chunk as an in-flight session stores it, under its right id or another. */
function stored({ contents, type, members = [] }: Plain, id: Buffer): ChunkToStore {
  const part = { codec: CODEC.stored, plaintextLength: contents.length, compressed: contents };
  const body = encodeInner({ ...part, padding: 'none' });
  return { id, type, body, checksum: createHash('sha256').update(body).digest(), members };
}

t.test('with the keys of the repository a chunk is found whose contents are others than its id says', async (t) => {
  const store = filesystemStore(t.testdir());
  await createRepository(store);
  await using repository = await openRepository(store, { holder: randomUUID() });
  await using pool = createTargetWorkers(1);
  const { idKey } = chunkKeysFromSecret(repository.dedupSecret);
  const idOf = ({ type, contents }: Plain) => chunkId(idKey, type, contents);
  const data: Plain = { contents: randomBytes(3000), type: CHUNK_TYPE.data };
  const member = {
    id: idOf({ contents: Buffer.from('small'), type: CHUNK_TYPE.data }),
    contents: Buffer.from('small'),
  };
  const bundle: Plain = { contents: encodeBundle([member]), type: CHUNK_TYPE.bundle, members: [member.id] };
  const liar: Plain = { contents: encodeBundle([member]), type: CHUNK_TYPE.bundle, members: [randomBytes(32)] };
  const planted = stored({ contents: randomBytes(500), type: CHUNK_TYPE.data }, randomBytes(32));
  {
    await using writer = repository.writer({ zone: uuidBytes(repository.id) });
    await Promise.all([writer.put(stored(data, idOf(data))), writer.put(stored(bundle, idOf(bundle)))]);
  }
  const prove = proveInFlight(pool, () => repository.dedupSecret);
  t.match(await repository.verify({ prove }), { flaws: 0, idsProven: 2 });
  {
    await using writer = repository.writer({ zone: uuidBytes(repository.id) });
    const lying = stored(liar, chunkId(idKey, CHUNK_TYPE.bundle, Buffer.concat([liar.contents, Buffer.of(1)])));
    await Promise.all([writer.put(planted), writer.put(lying)]);
  }
  t.match(await repository.verify({}), { flaws: 0, idsProven: 0 }, 'checksums alone do not tell');
  const flaws: Failure[] = [];
  t.match(await repository.verify({ prove, onFlaw: (_, failure) => flaws.push(failure) }), {
    flaws: 2,
    idsProven: 2,
    damagedChunks: 2,
  });
  t.ok(flaws.some(({ message }) => message.includes(planted.id.toString('hex'))));
});

t.test('in a repository that is encrypted at rest ids are made again once it is unlocked', async (t) => {
  const store = filesystemStore(t.testdir());
  const slot = { id: newUuidBytes(), kind: 'keyfile' as const, label: 'first' };
  const slotKey = randomBytes(32);
  await createRepository(store, { slot, slotKey });
  await using repository = await openRepository(store, { holder: randomUUID() });
  await using pool = createTargetWorkers(1);
  repository.encryption?.unlock(slot.id, slotKey);
  const { idKey } = chunkKeysFromSecret(repository.dedupSecret);
  const contents = randomBytes(3000);
  const [id, planted] = [chunkId(idKey, CHUNK_TYPE.data, contents), randomBytes(32)];
  {
    await using writer = repository.writer({ zone: uuidBytes(repository.id) });
    for (const one of [id, planted]) {
      const plain = stored({ contents, type: CHUNK_TYPE.data }, one);
      const body = sealInner(writer.sealUnder as RunKey, plain, plain.body);
      await writer.put({ ...plain, body, checksum: createHash('sha256').update(body).digest() });
    }
  }
  const prove = proveInFlight(pool, () => repository.dedupSecret);
  t.match(await repository.verify({}), { flaws: 0 }, 'checksums alone do not tell');
  t.match(await repository.verify({ prove }), { flaws: 1, idsProven: 1, damagedChunks: 1 });
});
