import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { masterKeyWrapper } from '../src/index.ts';
import { codeOfAsync, flip } from './fixtures.ts';

const context = { purpose: 'ph-wrap', domainId: Buffer.alloc(16, 1), epoch: 1 };

t.test('the master key file is made once, for its owner only, and found again', async (t) => {
  const file = join(t.testdir(), 'master.key');
  const first = await masterKeyWrapper({ file });
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.equal(Buffer.from(await readFile(file, 'utf8'), 'base64').length, 32);
  const secret = randomBytes(32);
  const wrapped = await first.wrap(secret, context);
  t.same(await (await masterKeyWrapper({ file })).unwrap(wrapped, context), secret);
});

t.test('two processes that start together agree on one key and leave nothing behind', async (t) => {
  const folder = t.testdir();
  const file = join(folder, 'master.key');
  const wrappers = await Promise.all(Array.from({ length: 8 }, () => masterKeyWrapper({ file })));
  const [first] = wrappers;
  const wrapped = await first?.wrap(Buffer.from('secret'), context);
  for (const wrapper of wrappers) t.same(await wrapper.unwrap(wrapped as Buffer, context), Buffer.from('secret'));
  t.same(await readdir(folder), ['master.key']);
});

t.test('a master key file that others may read is refused', async (t) => {
  const file = join(t.testdir(), 'master.key');
  await masterKeyWrapper({ file });
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    await chmod(file, mode);
    t.equal(await codeOfAsync(masterKeyWrapper({ file })), 'master-key-exposed');
  }
});

t.test('a file or variable without a key in it, and a folder that is missing, are refused', async (t) => {
  const folder = t.testdir();
  const file = join(folder, 'master.key');
  await writeFile(file, 'not a key\n', { mode: 0o600 });
  t.equal(await codeOfAsync(masterKeyWrapper({ file })), 'master-key-invalid');
  t.equal(await codeOfAsync(masterKeyWrapper({ base64: randomBytes(31).toString('base64') })), 'master-key-invalid');
  t.equal(await codeOfAsync(masterKeyWrapper({ file: join(folder, 'nowhere', 'key') })), 'not-found');
  await mkdir(join(folder, 'folder'), { mode: 0o700 });
  t.not(await codeOfAsync(masterKeyWrapper({ file: join(folder, 'folder') })), 'no failure');
});

t.test('what was wrapped opens only under the same key and for the same purpose, domain and epoch', async (t) => {
  const key = await masterKeyWrapper({ base64: randomBytes(32).toString('base64') });
  const other = await masterKeyWrapper({ base64: randomBytes(32).toString('base64') });
  const wrapped = await key.wrap(Buffer.from('hash'), context);
  t.same(await key.unwrap(wrapped, context), Buffer.from('hash'));
  t.equal(await codeOfAsync(other.unwrap(wrapped, context)), 'master-key-wrong');
  const changed = [{ purpose: 'dds' }, { domainId: Buffer.alloc(16, 2) }, { epoch: 2 }];
  for (const change of changed) {
    t.equal(await codeOfAsync(key.unwrap(wrapped, { ...context, ...change })), 'wrap-damaged');
  }
  t.equal(await codeOfAsync(key.unwrap(flip(wrapped, 0, 6), context)), 'format-unknown');
  t.equal(await codeOfAsync(key.unwrap(flip(wrapped, 1), context)), 'master-key-wrong');
  for (let position = 9; position < wrapped.length; position++) {
    const code = await codeOfAsync(key.unwrap(flip(wrapped, position), context));
    if (code !== 'wrap-damaged') t.fail(`byte ${position}: ${code}`);
  }
  t.equal(await codeOfAsync(key.unwrap(wrapped.subarray(0, 30), context)), 'wrap-damaged');
});
