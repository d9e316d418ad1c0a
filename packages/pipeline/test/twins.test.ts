import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHUNK_TYPE } from '@sealift/crypto';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { type Pair, pair } from './pair.ts';
import { pretending } from './pretending.ts';
import { noise } from './sources.ts';

const COPIES = 20;
/** More than are restored at a time, so that what comes after them meets what came before as finished. */
const BETWEEN = 10_000;

/** Small files, a large one, and copies of the small ones, far from each other in tree order. */
function makeFarCopies(at: string): void {
  for (const folder of ['a', 'b', 'd', 'e']) mkdirSync(join(at, folder), { recursive: true });
  for (const folder of ['b', 'd']) {
    for (let i = 0; i < BETWEEN; i++) writeFileSync(join(at, folder, `${i}`), '');
  }
  for (const folder of ['a', 'e']) {
    for (let i = 0; i < COPIES; i++) writeFileSync(join(at, folder, `${i}`), noise(`small ${i}`, 40_000));
  }
  writeFileSync(join(at, 'c'), noise('large', 300_000));
}

/** Tells which chunks of a type are read, before they are. */
function watched(both: Pair, type: number, onRead: (id: string) => void) {
  return pretending(both.repository, {
    readChunk: async (zone, id) => {
      const chunk = await both.repository.readChunk(zone, id);
      if (chunk.type === type) onRead(id.toString('hex'));
      return chunk;
    },
  });
}

t.test('the contents of small files are fetched once, however many copies of them are restored', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeFarCopies(source);
  const { pointId } = await both.backup([source], 'source-side');
  const read: string[] = [];
  both.served = watched(both, CHUNK_TYPE.bundle, (id) => read.push(id));
  const restored = join(both.folder, 'restored');
  const { warned, progress } = await both.restore(pointId, 'source-side', restored);
  t.same(warned, []);
  t.equal(progress.bytesRead, 2 * COPIES * 40_000 + 300_000);
  t.ok(read.length > 0);
  t.equal(read.length, new Set(read).size, 'no bundle is fetched twice');
  t.same([...compareTrees(source, join(restored, 'data'))], []);
});

t.test('what was restored and then changed or removed by somebody is not taken for its copies', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeFarCopies(source);
  const { pointId } = await both.backup([source], 'in-flight');
  const restored = join(both.folder, 'restored');
  both.served = watched(both, CHUNK_TYPE.data, () => {
    writeFileSync(join(restored, 'data/a/0'), noise('changed', 40_000));
    rmSync(join(restored, 'data/a/1'));
  });
  const { warned } = await both.restore(pointId, 'in-flight', restored);
  t.same(warned, []);
  t.ok(readFileSync(join(restored, 'data/a/0')).equals(noise('changed', 40_000)), 'it was changed meanwhile');
  t.same([...compareTrees(join(source, 'e'), join(restored, 'data/e'))], []);
});
