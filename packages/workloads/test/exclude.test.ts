import { excludeRules } from '@sealift/workloads';
import fc from 'fast-check';
import t from 'tap';

function excludes(pattern: string, path: string): boolean {
  const isDirectory = path.endsWith('/');
  const names = (isDirectory ? path.slice(0, -1) : path).split('/');
  return excludeRules([pattern]).excludes(
    names.map((name) => Buffer.from(name).toString('latin1')),
    isDirectory,
  );
}

const CASES: [pattern: string, matching: string[], other: string[]][] = [
  ['*.tmp', ['a.tmp', 'deep/er/.tmp'], ['a.tmp.gz', 'tmp']],
  ['cache/', ['cache/', 'a/cache/'], ['cache', 'a/cache']],
  ['/top', ['top', 'top/'], ['a/top']],
  ['a/b', ['a/b'], ['c/a/b', 'a/x/b']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/b/c', 'b']],
  ['a/**', ['a/b', 'a/b/c'], ['a/', 'b/a/c']],
  ['**/b/c', ['b/c', 'a/b/c'], ['b/x/c']],
  ['**', ['a', 'a/b'], []],
  ['?.txt', ['a.txt', 'é.txt', '€.txt', '💾.txt'], ['.txt', 'ab.txt']],
  ['a*b*c', ['abc', 'axbxc', 'abcbc'], ['ab', 'acb']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[!a-c]x', ['dx'], ['ax']],
  ['[]]x', [']x'], ['x']],
  ['\\*', ['*'], ['a']],
  ['\\!important', ['!important'], ['important']],
  ['a?c', ['abc'], ['a/c', 'ac']],
];

for (const [pattern, matching, other] of CASES) {
  t.test(`the pattern ${pattern} matches what gitignore would match`, async (t) => {
    for (const path of matching) t.equal(excludes(pattern, path), true, path);
    for (const path of other) t.equal(excludes(pattern, path), false, path);
  });
}

t.test('a pattern that means nothing is refused with its text', async (t) => {
  for (const pattern of ['', '/', '//a', 'a//b', '!a', '[a', 'a\\', '../a', 'a/./b', 'a\0b', 'x'.repeat(5000)]) {
    t.throws(() => excludeRules([pattern]), { code: 'bad-exclude', kind: 'refused' }, JSON.stringify(pattern));
  }
});

t.test('a name with its special characters escaped matches exactly itself', async () => {
  const name = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !/[/\0]|^\.{1,2}$/.test(text));
  fc.assert(
    fc.property(name, name, (a, b) => {
      const pattern = a.replace(/[\\*?[\]!]/g, '\\$&');
      const same = Buffer.from(a).equals(Buffer.from(b));
      return excludes(pattern, a) && excludes(pattern, b) === same;
    }),
  );
});

t.test('many runs in one pattern do not blow up', async (t) => {
  t.equal(excludes(`${'*a'.repeat(100)}b`, 'a'.repeat(250)), false);
  t.equal(excludes(`${'**/a/'.repeat(50)}b`, 'a/'.repeat(200).concat('c')), false);
});
