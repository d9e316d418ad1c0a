import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import {
  decodeSavedPacks,
  decodeSnapshotHead,
  encodeSavedPacks,
  encodeSnapshotHead,
  type SnapshotHead,
} from '../../packages/repository/src/format/index-snapshot.ts';
import { HashIndex } from '../../packages/repository/src/index/hash-index.ts';
import { fuzz } from './mutations.ts';

/** Two indexes are made of each input, whose first blocks have 700 KB. */
const INDEXES = 20_000;

/** Checksums stop chance, not who writes to the folder: what is behind them must hold by itself. */
const summed = (bytes: Buffer) => Buffer.concat([bytes, createHash('sha256').update(bytes).digest()]);
const piece = () => ({ name: randomBytes(32).toString('hex'), crc: randomBytes(4).readUInt32BE() });
const head: SnapshotHead = {
  repositoryId: randomBytes(16),
  runs: [{ runSalt: randomBytes(32), epoch: 3, commitment: randomBytes(32) }],
  packCount: 3,
  packs: [piece()],
  zones: [
    { zone: randomBytes(16), entryCount: 300_000, pieces: [piece(), piece()] },
    { zone: randomBytes(16), entryCount: 0, pieces: [] },
  ],
};

t.test('heads of index snapshots', async (t) => {
  const samples = [encodeSnapshotHead(head), encodeSnapshotHead({ ...head, runs: [], zones: [] })];
  await fuzz(t, samples, decodeSnapshotHead);
  const said = samples.map((bytes) => bytes.subarray(0, -32));
  await fuzz(t, said, (bytes) => decodeSnapshotHead(summed(bytes)));
});

t.test('pack lists of index snapshots', async (t) => {
  const pack = (run: number) => {
    const sizes = { createdAt: Date.now(), length: 2 ** 26, recordBytes: 2 ** 26 - 300 };
    return { packId: randomBytes(16), zone: 0, run, masterEpoch: 0, state: 0 as const, ...sizes };
  };
  await fuzz(t, [encodeSavedPacks([pack(-1), pack(0)]), encodeSavedPacks([pack(0)])], (bytes) => {
    return decodeSavedPacks(bytes, head);
  });
});

t.test('entries of index snapshots, and every question about what came of them', async (t) => {
  const index = new HashIndex();
  for (let i = 0; i < 20; i++) index.addChunk(randomBytes(32), { type: 1, pack: i % 4, offset: 128, length: 99 });
  const bundle = index.addChunk(randomBytes(32), { type: 6, pack: 1, offset: 128, length: 99 });
  index.addMembers(bundle, randomBytes(96));
  index.forget(index.addChunk(randomBytes(32), { type: 1, pack: 1, offset: 128, length: 99 }));
  const whole = index.entries.copyOf(0, index.entryCount);
  const kept = Uint8Array.from([1, 1, 0, 1]);
  await fuzz(
    t,
    [whole, whole.subarray(0, 440)],
    (bytes) => {
      // The length of a piece is compared with the count in the head before.
      const entries = Math.floor(bytes.length / 44);
      const made = new HashIndex();
      made.addPiece(Buffer.from(bytes.subarray(0, entries * 44)), kept, entries);
      for (let entry = 0; entry < made.entryCount; entry++) {
        const known = made.find(made.entries.idOf(entry));
        if (known >= 0 && made.placeOf(known) === undefined) made.memberOf(known);
      }
      made.compact();
    },
    INDEXES,
  );
});
