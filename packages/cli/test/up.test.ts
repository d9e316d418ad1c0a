import { appendFile, cp, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { excludeRules } from '@sealift/workloads';
import fc from 'fast-check';
import t from 'tap';
import { compareInWorker } from '../src/up/comparison.ts';
import { encryptionPassword, openUpFolder } from '../src/up/data-folder.ts';
import { formatReport, type Measured } from '../src/up/report.ts';
import { excludePattern, placesInside, restoredPlaces, usableSources } from '../src/up/sources.ts';

const signal = new AbortController().signal;

t.test('one data directory serves one up at a time, and is free again afterwards', async (t) => {
  const data = join(t.testdir(), 'data');
  {
    using folder = await openUpFolder(data);
    t.equal((await stat(folder.root)).mode & 0o777, 0o700);
    await t.rejects(openUpFolder(data), { code: 'data-in-use' });
    await symlink(data, `${data}-link`);
    await t.rejects(openUpFolder(`${data}-link`), { code: 'data-in-use' }, 'under another name too');
  }
  await sleep(0);
  using again = await openUpFolder(data);
  t.ok(again.root);
});

t.test('what a killed up left half restored is removed at the next start', async (t) => {
  const data = t.testdir({ 'restored-old': { file: 'x' }, repository: {} });
  using folder = await openUpFolder(data);
  await t.rejects(stat(join(data, 'restored-old')));
  t.ok((await stat(folder.repository)).isDirectory());
});

t.test('a data directory that is a file is refused', async (t) => {
  const place = t.testdir({ data: 'a file' });
  await t.rejects(openUpFolder(join(place, 'data')), { code: 'data-unusable' });
});

t.test('the encryption password is made once, for its owner only, and kept', async (t) => {
  using folder = await openUpFolder(t.testdir());
  const first = await encryptionPassword(folder);
  t.equal(first.fresh, true);
  t.ok(first.password.length >= 32);
  t.equal((await stat(first.file)).mode & 0o777, 0o600);
  t.match(await encryptionPassword(folder), { fresh: false, password: first.password });
  await writeFile(first.file, '');
  await t.rejects(encryptionPassword(folder), { code: 'data-unusable' });
});

t.test('sources are resolved, and the same one is taken once', async (t) => {
  const place = t.testdir({ a: {}, link: t.fixture('symlink', 'a') });
  t.same(await usableSources([join(place, 'a'), join(place, 'link')]), [join(place, 'a')]);
});

t.test('only places below a source are inside it', async (t) => {
  t.same(placesInside('/a/b', ['/a/b/c', '/a/b', '/a', '/a/bc', '/a/b/..c', '/']), ['c', '..c']);
  t.same(placesInside('/', ['/data']), ['data']);
});

t.test('a pattern excludes exactly the path it is made for', async (t) => {
  const name = fc.string({
    unit: fc.constantFrom('a', '*', '?', '[', ']', '!', '\\', '.', ' '),
    minLength: 1,
    maxLength: 6,
  });
  const sane = name.filter((text) => text !== '.' && text !== '..');
  const property = fc.property(sane, sane, (wanted, other) => {
    const rules = excludeRules([excludePattern(wanted)]);
    const excludes = (text: string) => rules.excludes([text], true);
    return excludes(wanted) && (other === wanted || !excludes(other)) && !rules.excludes(['deeper', wanted], true);
  });
  t.doesNotThrow(() => fc.assert(property));
});

t.test('sources with the same name come back under different ones', async (t) => {
  const names = restoredPlaces('/to', ['/x/data', '/y/data', '/']).map((place) => place.restored);
  t.same(names, ['/to/data', '/to/data~2', '/to/root']);
});

async function copied(folder: string): Promise<{ source: string; restored: string }> {
  const source = join(folder, 'source');
  const restored = join(folder, 'restored');
  await mkdir(join(source, 'kept'), { recursive: true });
  await writeFile(join(source, 'kept', 'file'), 'content');
  await mkdir(join(source, 'left out'));
  await writeFile(join(source, 'left out', 'file'), 'own data');
  await cp(source, restored, { recursive: true, preserveTimestamps: true });
  return { source, restored };
}

t.test('a copy without what was left out is identical', async (t) => {
  const { source, restored } = await copied(t.testdir());
  await rename(join(restored, 'left out'), join(restored, '..', 'away'));
  const request = { source, restored, since: Date.now() };
  const result = await compareInWorker({ ...request, leftOut: ['left out'] }, signal);
  t.notMatch(result.differences.join('\n'), /left out/);
  const strict = await compareInWorker({ ...request, leftOut: [] }, signal);
  t.match(strict.differences.join('\n'), /left out: missing/);
});

t.test('a difference counts unless the source changed after the backup began', async (t) => {
  const { source, restored } = await copied(t.testdir());
  await appendFile(join(restored, 'kept', 'file'), 'damage');
  await sleep(30);
  const since = Date.now();
  const leftOut: string[] = [];
  const damaged = await compareInWorker({ source, restored, leftOut, since }, signal);
  t.match(damaged.differences.join('\n'), /kept\/file: size/);
  await sleep(30);
  await appendFile(join(source, 'kept', 'file'), 'a change');
  const changed = await compareInWorker({ source, restored, leftOut, since }, signal);
  t.notMatch(changed.differences.join('\n'), /kept\/file/);
  t.ok(changed.changedSince > 0);
});

t.test('a comparison can be called off', async (t) => {
  const { source, restored } = await copied(t.testdir());
  const controller = new AbortController();
  const running = compareInWorker({ source, restored, leftOut: [], since: 0 }, controller.signal);
  controller.abort(new Error('enough'));
  await t.rejects(running, { message: 'enough' });
});

t.test('the table shows each run and whether it came back', async (t) => {
  const row: Measured = {
    mode: 'in-flight',
    run: 1,
    runId: 'r',
    pointId: 'p',
    bytesRead: 4096,
    bytesNew: 2048,
    bytesSent: 1024,
    bytesStored: 1024,
    milliseconds: 500,
    unreadable: false,
    identical: true,
  };
  const second: Measured = { ...row, run: 2, bytesNew: 0, identical: false };
  t.equal(
    formatReport([row, second]),
    [
      'mode       run     read      new     sent   stored  ratio       rate    time  restored',
      'in-flight    1  4.0 KiB  2.0 KiB  1.0 KiB  1.0 KiB   0.50  8.0 KiB/s  500 ms  identical',
      'in-flight    2  4.0 KiB      0 B  1.0 KiB  1.0 KiB      -  8.0 KiB/s  500 ms  DIFFERENT',
      '',
    ].join('\n'),
  );
});
