import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
const slotFile = join(folder, 'slot.key');
const tree = join(folder, 'tree');
const [byToken, byFile] = [join(folder, 'token'), join(folder, 'file')];

t.before(async () => {
  await makeTree(tree);
  const key = randomBytes(32).toString('base64');
  await writeFile(slotFile, `${key}\n`, { mode: 0o600 });
  const jobs = [{ name: 'mail', password: PASSWORD, runs: 1 }];
  const sealed = { wrapped: { kind: 'kms' }, filed: { kind: 'keyfile', key } } as const;
  const inFlight = Object.keys(sealed).map((name) => ({ name, repository: name, runs: 1 }));
  await backUpAndVanish(byToken, { tree, jobs: [...jobs, ...inFlight], kms, sealed });
  const asked = { asked: { kind: 'password', password: PASSWORD }, wrapped: { kind: 'kms' } } as const;
  const locked = Object.keys(asked).map((name) => ({ name, repository: name, runs: 1 }));
  await backUpAndVanish(byFile, { tree, jobs: [...jobs, ...locked], kms: `file:${keyFile}`, sealed: asked });
});
t.teardown(() => rm(folder, { recursive: true, force: true }));

/** Without Director and network: nothing but the repository, and what opens it. */
function recover(place: string, to: string, more: string[], input = '', repository = 'store') {
  const argv = ['recover', '--repository', join(place, repository), '--to', join(folder, to), ...more];
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

t.test(
  'the same options open a repository that is encrypted at rest: service, key file, and last the password',
  async (t) => {
    for (const [place, repository, more, input] of [
      [byToken, 'wrapped', ['--kms', kms], ''],
      [byToken, 'filed', ['--key-file', slotFile], ''],
      [byFile, 'wrapped', ['--key-file', keyFile], ''],
      [byFile, 'wrapped', ['--kms', `file:${keyFile}`], ''],
      [byFile, 'asked', ['--key-file', slotFile, '--password-file', '-'], `${PASSWORD}\n`],
    ] as const) {
      const to = `sealed-${repository}-${more.join('-').replace(/\W+/g, '').slice(0, 20)}`;
      const { code, stderr } = await recover(place, to, [...more], input, repository);
      t.equal(code, 0, `${to}: ${stderr}`);
      t.same([...compareTrees(tree, join(folder, to, 'tree'))], [], to);
    }
  },
);

t.test(
  'when nothing opens a repository that is encrypted at rest, it is said once, after what each way said',
  async (t) => {
    const given = ['--key-file', slotFile, '--kms', `file:${keyFile}`, '--password-file', '-'];
    const { code, stderr } = await recover(byToken, 'no', given, 'not the password\n', 'wrapped');
    t.match(
      { code, stderr },
      { code: 1, stderr: /warning: The key file opens none[\s\S]*warning: None of the key management/ },
    );
    t.match(stderr, /What was given opens none of the key slots[\s\S]*repository-key-missing/);
    const wrong = await recover(byFile, 'no', ['--password-file', '-'], 'not the password\n', 'asked');
    t.match(wrong, { code: 1, stderr: /The password opens none[\s\S]*repository-key-missing/ });
  },
);
