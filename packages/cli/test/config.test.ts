import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadSettings } from '../src/config/load.ts';
import { printSettings } from '../src/config/print.ts';
import { flagOf, type Setting, variableOf } from '../src/config/setting.ts';

const SETTINGS: Setting[] = [
  { name: 'name', kind: 'text', describe: '' },
  { name: 'dataPort', kind: 'number', describe: '' },
  { name: 'hosts', kind: 'list', describe: '' },
  { name: 'quiet', kind: 'boolean', describe: '' },
  { name: 'enrolmentToken', kind: 'text', describe: '', secret: true },
];

async function load(
  t: Test,
  yaml: string | undefined,
  env: Record<string, string> = {},
  flags: Record<string, unknown> = {},
) {
  const cwd = t.testdir();
  if (yaml !== undefined) await writeFile(join(cwd, 'daemon.yaml'), yaml);
  const file = yaml === undefined ? undefined : 'daemon.yaml';
  return loadSettings(SETTINGS, { file, env, flags, cwd });
}

t.test('the file gives way to the variable, the variable to the flag', async (t) => {
  const yaml = 'name: file\ndataPort: 1\nhosts: [a, b]\nquiet: true\n';
  const env = { SEALIFT_NAME: 'variable', SEALIFT_DATA_PORT: '2', SEALIFT_OTHER: 'x' };
  const loaded = await load(t, yaml, env, { name: 'flag' });
  t.same(loaded.values, { name: 'flag', dataPort: 2, hosts: ['a', 'b'], quiet: true });
  t.equal(loaded.origins.name, 'command line');
  t.equal(loaded.origins.dataPort, 'SEALIFT_DATA_PORT');
  t.match(loaded.origins.hosts, /daemon\.yaml$/);
});

t.test('text from variables and flags becomes numbers, lists and booleans', async (t) => {
  const env = { SEALIFT_DATA_PORT: '7422', SEALIFT_HOSTS: 'a, b', SEALIFT_QUIET: 'false' };
  t.same((await load(t, undefined, env)).values, { dataPort: 7422, hosts: ['a', 'b'], quiet: false });
});

t.test('an empty variable counts as not set', async (t) => {
  t.same((await load(t, 'name: file', { SEALIFT_NAME: '' })).values, { name: 'file' });
});

t.test('an unknown key is refused by name, with the known ones', async (t) => {
  await t.rejects(load(t, 'dataport: 1'), {
    code: 'configuration',
    message: /unknown key 'dataport'/,
    advice: /name, dataPort, hosts/,
  });
});

t.test('a value of the wrong kind is refused with where it came from', async (t) => {
  await t.rejects(load(t, 'dataPort: many'), {
    code: 'configuration',
    message: /daemon\.yaml: 'dataPort' must be a whole number/,
  });
  await t.rejects(load(t, undefined, { SEALIFT_DATA_PORT: '-1' }), { message: /SEALIFT_DATA_PORT: 'dataPort'/ });
  await t.rejects(load(t, undefined, {}, { quiet: 'perhaps' }), {
    message: /command line: 'quiet' must be true or false/,
  });
});

t.test('a secret of the wrong kind is not quoted', async (t) => {
  const failure = await load(t, 'enrolmentToken: [hunter2]').catch((thrown) => thrown);
  t.equal(failure.code, 'configuration');
  t.notMatch(failure.message, /hunter2/);
});

t.test('a file that is no mapping, or no YAML, is refused', async (t) => {
  await t.rejects(load(t, '- a\n- b\n'), { code: 'configuration' });
  await t.rejects(load(t, 'a: [1, 2'), { code: 'configuration' });
  await t.rejects(load(t, 'name: a\nname: b'), { code: 'configuration' });
  t.same((await load(t, '')).values, {}, 'an empty file sets nothing');
});

t.test('printed settings mask secrets, say where each came from, and load again', async (t) => {
  const loaded = await load(t, 'enrolmentToken: hunter2\ndataPort: 7\n', { SEALIFT_NAME: 'berlin' });
  const text = printSettings(SETTINGS, loaded);
  t.notMatch(text, /hunter2/);
  t.match(text, /name: berlin # SEALIFT_NAME/);
  t.match((await load(t, text)).values, { name: 'berlin', dataPort: 7 });
});

t.test('variable and flag are made from the name', async (t) => {
  t.equal(variableOf(SETTINGS[1] as Setting), 'SEALIFT_DATA_PORT');
  t.equal(flagOf(SETTINGS[1] as Setting), '--data-port <number>');
  t.equal(flagOf(SETTINGS[2] as Setting), '--hosts <value...>');
  t.equal(flagOf(SETTINGS[3] as Setting), '--quiet');
});
