import { createHash, randomBytes } from 'node:crypto';
import { parseS3Address } from '@sealift/repository';
import t from 'tap';
import { decodePointBody, encodePointBody } from '../../packages/pipeline/src/tree/point-body.ts';
import { MasterKeys } from '../../packages/repository/src/at-rest/master-keys.ts';
import { decodeKeyTable } from '../../packages/repository/src/format/key-table.ts';
import {
  decodeReferencesTrailer,
  encodeReferencesHeader,
  encodeReferencesTrailer,
} from '../../packages/repository/src/format/reference-list.ts';
import { decodeVerifiedPacks, encodeVerifiedPacks } from '../../packages/repository/src/format/verified-packs.ts';
import { fuzz } from './mutations.ts';

/** An ML-KEM and an X25519 key are made from the key of the slot and agreed with: about 1 ms an input that gets there. */
const UNLOCKINGS = 5000;

const id = () => randomBytes(32);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();
/** Checksums stop chance, not who writes to the store: what is behind them must hold by itself. */
const summed = (bytes: Buffer) => Buffer.concat([bytes, sha256(bytes)]);

t.test('reference lists', async (t) => {
  const [pointId, zone, ids] = [randomBytes(16), randomBytes(16), Buffer.concat([id(), id()])];
  const trailer = encodeReferencesTrailer({ pointId, zone, count: 2, hash: sha256(ids), receivedAt: Date.now() });
  const list = Buffer.concat([encodeReferencesHeader(pointId, zone), ids, trailer]);
  await fuzz(t, [list, trailer], (bytes) => decodeReferencesTrailer(bytes, list.length));
  const [said, end] = [trailer.subarray(0, -36), trailer.subarray(-4)];
  await fuzz(t, [said], (bytes) => decodeReferencesTrailer(Buffer.concat([summed(bytes), end]), list.length));
});

t.test('what is known of the packs that were verified', async (t) => {
  const pack = () => ({ packId: randomBytes(16), seenAt: 1, readAt: Date.now(), flaws: 2 });
  const lists = [encodeVerifiedPacks([]), encodeVerifiedPacks([pack(), pack(), pack()])];
  await fuzz(t, lists, decodeVerifiedPacks);
  const said = lists.map((list) => list.subarray(0, -32));
  await fuzz(t, said, (bytes) => decodeVerifiedPacks(summed(bytes)));
});

t.test('key tables, unlocked with the key of a slot', async (t) => {
  const keys = MasterKeys.create(randomBytes(16)).rotated();
  const [slotId, slotKey] = [randomBytes(16), randomBytes(32)];
  const kms = { provider: 'vault', keyRef: 'sealift', ciphertext: randomBytes(60) };
  const table = keys.encode(1, [keys.slot({ id: slotId, kind: 'kms', label: 'of the service', kms }, slotKey)]);
  const said = table.subarray(0, -32);
  const unlock = (bytes: Buffer) => MasterKeys.open(decodeKeyTable(bytes), slotId, slotKey);
  await fuzz(t, [table], unlock, UNLOCKINGS);
  await fuzz(t, [said], (bytes) => unlock(summed(bytes)), UNLOCKINGS);
});

t.test('bodies of recovery points', async (t) => {
  const body = {
    roots: [
      { name: Buffer.from('home'), path: Buffer.from('/home') },
      { name: Buffer.from('etc'), path: Buffer.from('/etc') },
    ],
    tree: id(),
    totals: { files: 3, directories: 2, bytes: 2 ** 40 },
    host: { name: 'host', system: 'linux', product: '0.1.0' },
    startedAt: Date.now(),
    finishedAt: Date.now(),
    warnings: 0,
  };
  const samples = [encodePointBody(body), encodePointBody({ ...body, explanation: '{"readers":[]}' })];
  await fuzz(
    t,
    samples.map((bytes) => Buffer.from(bytes)),
    decodePointBody,
  );
});

t.test('addresses of object stores', async (t) => {
  const samples = [
    's3://bucket',
    's3://backups.example/site/a/?region=eu-central-1&credentials=offsite&class=STANDARD_IA',
    's3://bucket/prefix?endpoint=https://objects.example:9000&region=r',
    's3://bucket?endpoint=http://[::1]:9000',
  ].map((text) => Buffer.from(text));
  await fuzz(t, samples, (bytes) => parseS3Address(bytes.toString('latin1')));
});
