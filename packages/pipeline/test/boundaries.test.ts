import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { pair } from './pair.ts';
import { SETTLING } from './settled-pair.ts';

t.test('a tagged cache is left out also where nothing has changed, and kept when its tag is gone', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  mkdirSync(join(source, 'kept'), { recursive: true });
  mkdirSync(join(source, 'thumbs/deep'), { recursive: true });
  writeFileSync(join(source, 'kept/file'), 'kept');
  writeFileSync(join(source, 'thumbs/deep/file'), 'cached');
  const tag = join(source, 'thumbs/CACHEDIR.TAG');
  writeFileSync(tag, 'Signature: 8a477f597d28d172789f06886806bc55');
  await sleep(SETTLING);
  const more = { cache: join(both.folder, 'cache'), reading: { excludeCaches: true } };
  const restored = async (pointId: string, name: string) => {
    t.same((await both.restore(pointId, 'in-flight', join(both.folder, name))).warned, []);
    return join(both.folder, name, 'data');
  };
  for (const name of ['first', 'second']) {
    const made = await both.backup([source], 'in-flight', more);
    t.equal(made.progress.filesUnchanged ?? 0, name === 'first' ? 0 : 2);
    const at = await restored(made.pointId, name);
    t.ok(existsSync(join(at, 'kept/file')) && existsSync(join(at, 'thumbs/CACHEDIR.TAG')));
    t.notOk(existsSync(join(at, 'thumbs/deep')));
  }
  // The notes of a run by other rules say nothing about what those left out.
  const whole = await both.backup([source], 'in-flight', { cache: more.cache });
  t.ok(existsSync(join(await restored(whole.pointId, 'whole'), 'thumbs/deep/file')));

  await both.backup([source], 'in-flight', more);
  rmSync(tag);
  const untagged = await both.backup([source], 'in-flight', more);
  t.ok(existsSync(join(await restored(untagged.pointId, 'untagged'), 'thumbs/deep/file')));
});
