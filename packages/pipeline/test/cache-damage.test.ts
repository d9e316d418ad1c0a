import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { pair } from './pair.ts';
import { holds, settledPair } from './settled-pair.ts';
import { noise } from './sources.ts';

t.test('a cache that is cut off, damaged, older or of something else never does harm', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  const first = await both.backup([source], 'in-flight', { cache });
  const older = join(both.folder, 'older');
  await copyFile(cache, older);
  appendFileSync(join(source, 'many/file-20'), 'more');
  rmSync(join(source, 'many/file-21'));
  await both.backup([source], 'in-flight', { cache });
  const whole = readFileSync(cache);

  const damage: Record<string, Buffer> = {
    'one older point': readFileSync(older),
    empty: Buffer.alloc(0),
    noise: noise('cache', 5000),
    'no end': whole.subarray(0, whole.length - 22),
    'cut off in the middle': whole.subarray(0, whole.length / 2),
    'another salt': flip(whole, 10),
    'another first block': flip(whole, 60),
    'a damaged page': flip(whole, 300),
    'a damaged length': flip(whole, 110),
    'a damaged page in the middle': flip(whole, Math.floor(whole.length / 2)),
    'zeros at the end': Buffer.concat([whole.subarray(0, whole.length - 4096), Buffer.alloc(4096)]),
  };
  for (const [what, bytes] of Object.entries(damage)) {
    writeFileSync(cache, bytes);
    const made = await both.backup([source], 'in-flight', { cache });
    t.same(made.warned, [], what);
    t.equal(made.files, first.files - 1, what);
    await holds(t, both, made, 'in-flight', source);
  }

  writeFileSync(cache, whole);
  const excluding = await both.backup([source], 'in-flight', { cache, exclude: ['wide'] });
  t.equal(excluding.progress.filesUnchanged ?? 0, 0, 'other rules of exclusion');
  writeFileSync(cache, whole);
  const other = await both.backup([source], 'source-side', { cache });
  t.equal(other.progress.filesUnchanged ?? 0, 0, 'another zone');
  await holds(t, both, other, 'source-side', source);

  await using elsewhere = await pair();
  writeFileSync(cache, whole);
  const foreign = await elsewhere.backup([source], 'in-flight', { cache });
  t.equal(foreign.progress.filesUnchanged ?? 0, 0, 'another repository');
});

function flip(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] as number) ^ 0x40;
  return flipped;
}
