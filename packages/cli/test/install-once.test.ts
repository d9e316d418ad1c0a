import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const SCRIPT = fileURLToPath(new URL('../bin/install-once.mjs', import.meta.url));

/** A checkout in miniature whose npm and tap write down that they were called. */
async function fakeCheckout(folder: string, npmBody = ''): Promise<{ script: string; npm: string; log: string }> {
  const script = join(folder, 'packages/cli/bin/install-once.mjs');
  const npm = join(folder, 'fake-npm.mjs');
  const log = join(folder, 'calls');
  await mkdir(join(folder, 'packages/cli/bin'), { recursive: true });
  await copyFile(SCRIPT, script);
  await writeFile(join(folder, 'package-lock.json'), '{"one": 1}');
  await writeFile(log, '');
  await writeFile(
    npm,
    `import { appendFileSync, mkdirSync, writeFileSync, chmodSync, rmSync } from 'node:fs';
     ${npmBody}
     appendFileSync(${JSON.stringify(log)}, 'npm ' + process.argv[2] + '\\n');
     rmSync('node_modules', { recursive: true, force: true });
     mkdirSync('node_modules/.bin', { recursive: true });
     writeFileSync('node_modules/.bin/tap', '#!/bin/sh\\necho "tap $1" >> ${log}\\n');
     chmodSync('node_modules/.bin/tap', 0o755);`,
  );
  await chmod(npm, 0o755);
  return { script, npm, log };
}

function install(checkout: { script: string; npm: string }): Promise<{ code: number; stderr: string }> {
  const env = { ...process.env, npm_execpath: checkout.npm, npm_node_execpath: process.execPath };
  return new Promise((resolve) => {
    execFile(process.execPath, [checkout.script], { env }, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

t.test('a fresh clone is installed once, npm ci first and tap build after it', async (t) => {
  const checkout = await fakeCheckout(t.testdir());
  t.equal((await install(checkout)).code, 0);
  const second = await install(checkout);
  t.equal(second.code, 0);
  t.equal(second.stderr, '', 'the second time there is nothing to say');
  t.equal(await readFile(checkout.log, 'utf8'), 'npm ci\ntap build\n');
});

t.test('a changed package-lock.json is installed again', async (t) => {
  const folder = t.testdir();
  const checkout = await fakeCheckout(folder);
  await install(checkout);
  await writeFile(join(folder, 'package-lock.json'), '{"two": 2}');
  await install(checkout);
  t.equal(await readFile(checkout.log, 'utf8'), 'npm ci\ntap build\nnpm ci\ntap build\n');
});

t.test('a failing npm ends it with its last lines, what to do, and status 1; the next start tries again', async (t) => {
  const folder = t.testdir();
  const flag = join(folder, 'broken');
  const body = `import { existsSync } from 'node:fs';
    if (existsSync(${JSON.stringify(flag)})) { console.error('npm error network unreachable'); process.exit(7); }`;
  const checkout = await fakeCheckout(folder, body);
  await writeFile(flag, '');
  const failed = await install(checkout);
  t.equal(failed.code, 1);
  t.match(failed.stderr, /npm ci failed \(7\)/);
  t.match(failed.stderr, /npm error network unreachable/);
  t.match(failed.stderr, /run the same command again/);
  t.notMatch(failed.stderr, /at .*\.mjs/, 'no stack trace');
  await writeFile(join(folder, 'broken-no-more'), '');
  const { rm } = await import('node:fs/promises');
  await rm(flag);
  t.equal((await install(checkout)).code, 0);
});

t.test('a missing npm is reported, not thrown', async (t) => {
  const checkout = await fakeCheckout(t.testdir());
  const failed = await install({ script: checkout.script, npm: '/nowhere/npm' });
  t.equal(failed.code, 1);
  t.match(failed.stderr, /npm ci failed/);
});

t.test('of two installers at once one works and the other waits for it', async (t) => {
  const checkout = await fakeCheckout(t.testdir(), 'await new Promise((done) => setTimeout(done, 600));');
  const results = await Promise.all([install(checkout), install(checkout)]);
  t.same(
    results.map((result) => result.code),
    [0, 0],
  );
  t.equal(await readFile(checkout.log, 'utf8'), 'npm ci\ntap build\n');
});

t.test('a killed installer leaves no lock behind', async (t) => {
  const folder = t.testdir();
  const checkout = await fakeCheckout(
    folder,
    'if (process.env.HANG) await new Promise((done) => setTimeout(done, 1e6));',
  );
  const env = { ...process.env, HANG: '1', npm_execpath: checkout.npm, npm_node_execpath: process.execPath };
  const hanging = spawn(process.execPath, [checkout.script], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  await once(hanging.stderr, 'data');
  process.kill(-(hanging.pid as number), 'SIGKILL');
  await once(hanging, 'exit');
  t.equal((await install(checkout)).code, 0);
  t.equal(await readFile(checkout.log, 'utf8'), 'npm ci\ntap build\n');
});
