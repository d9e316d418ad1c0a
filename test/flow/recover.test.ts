import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { sealift } from './sealift.ts';
import { makeToken } from './soft-hsm.ts';
import { backUpAndVanish, makeTree } from './vanished-site.ts';

t.jobs = 1;

const PASSWORD = 'two grey mules on the ridge';
const folder = await mkdtemp(join(tmpdir(), 'sealift-recover-'));
const kms = await makeToken(folder);
const keyFile = join(folder, 'hashes.key');
const tree = join(folder, 'tree');
const [byToken, byFile] = [join(folder, 'token'), join(folder, 'file')];

t.before(async () => {
  await makeTree(tree);
  const jobs = [{ name: 'mail', password: PASSWORD, runs: 1 }];
  await backUpAndVanish(byToken, { tree, jobs, kms });
  await backUpAndVanish(byFile, { tree, jobs, kms: `file:${keyFile}` });
});
t.teardown(() => rm(folder, { recursive: true, force: true }));

/** Without Director and network: nothing but the repository, and what opens it. */
function recover(place: string, to: string, more: string[], input = '') {
  const argv = ['recover', '--repository', join(place, 'store'), '--to', join(folder, to), ...more];
  return sealift(argv, { input });
}

t.test('a repository and the service that wrapped the hash recover a point, and so do it and a key file', async (t) => {
  for (const [to, place, more] of [
    ['by-token', byToken, ['--kms', kms]],
    ['by-file', byFile, ['--key-file', keyFile]],
    ['by-second', byFile, ['--kms', kms, `file:${keyFile}`]],
  ] as const) {
    const { code, stderr } = await recover(place, to, [...more]);
    t.equal(code, 0, `${to}: ${stderr}`);
    t.same([...compareTrees(tree, join(folder, to, 'tree'))], [], to);
  }
});

t.test('what a service or key file does not open, the password does, after it is said why', async (t) => {
  const missing = join(folder, 'missing.key');
  const given = ['--key-file', missing, '--password-file', '-'];
  t.match(await recover(byFile, 'by-password', given, `${PASSWORD}\n`), { code: 0, stderr: /key-file-missing/ });
  await t.rejects(readFile(missing), { code: 'ENOENT' }, 'no key file is made');
  t.same([...compareTrees(tree, join(folder, 'by-password', 'tree'))], []);
  const other = await recover(byFile, 'by-other', ['--kms', kms, '--password-file', '-'], 'not the password\n');
  t.match(other, { code: 1, stderr: /no-wrap[\s\S]*wrong-password/ });
  t.match(await recover(byFile, 'none', ['--kms', 'ftp://key']), { code: 1, stderr: /kms-config-invalid/ });
});
