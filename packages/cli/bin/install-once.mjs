// Makes a fresh clone ready: `npm ci` and `tap build`, once, and again only when package-lock.json has changed.
// Plain JavaScript on Node's own modules, because it runs on the system's Node (20 or later) before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BINARIES = join(ROOT, 'node_modules', '.bin');
const STAMP = join(ROOT, 'node_modules', '.sealift-installed');
const LAST_LINES = 25;

class InstallError extends Error {}

async function lockFileHash() {
  const lock = await readFile(join(ROOT, 'package-lock.json')).catch((cause) => {
    throw new InstallError(`cannot read package-lock.json in ${ROOT} (${cause.code}): this checkout is not complete`);
  });
  return createHash('sha256').update(lock).digest('hex');
}

async function isInstalled(hash) {
  const stamp = await readFile(STAMP, 'utf8').catch(() => '');
  return stamp.trim() === hash;
}

/**
 * One installer per checkout. The lock is a socket name in Linux's abstract namespace: the kernel drops it with the
 * process, so a killed installer leaves nothing behind.
 */
async function lock() {
  const place = createHash('sha256')
    .update(await realpath(ROOT))
    .digest('hex');
  let told = false;
  for (;;) {
    const server = createServer();
    const outcome = await new Promise((done) => {
      server.once('error', (error) => done(error.code));
      server.listen(`\0sealift-install-${place}`, () => done('locked'));
    });
    if (outcome !== 'EADDRINUSE') return () => server.close();
    if (!told) say('another installation of this checkout is running; waiting for it');
    told = true;
    await sleep(300);
  }
}

/** The search path without this checkout's own binaries: `npm ci` deletes them while it runs. */
function outerPath() {
  const parts = (process.env.PATH ?? '').split(delimiter);
  return parts.filter((part) => resolve(part) !== resolve(BINARIES)).join(delimiter);
}

function run(command, args, env) {
  return new Promise((done) => {
    let output = '';
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (bytes) => {
      output = (output + bytes.toString('utf8')).slice(-64 * 1024);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error) => done({ code: 1, output: error.message }));
    child.once('close', (code, signal) => done({ code: code ?? signal, output }));
  });
}

async function step(title, command, args, env, advice) {
  const { code, output } = await run(command, args, env);
  if (code === 0) return;
  const tail = output.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
  throw new InstallError(`${title} failed (${code})\n${tail}\n\n${advice}`);
}

async function install() {
  say('installing what is missing (once; about a minute)');
  const npm = process.env.npm_execpath;
  const viaScript = npm?.endsWith('.js') || npm?.endsWith('.cjs') || npm?.endsWith('.mjs');
  const command = viaScript ? (process.env.npm_node_execpath ?? process.execPath) : (npm ?? 'npm');
  const args = ['ci', '--loglevel=error', '--no-audit', '--no-fund'];
  await step(
    'npm ci',
    command,
    viaScript ? [npm, ...args] : args,
    { PATH: outerPath() },
    'Check the network and the registry that npm is configured for, then run the same command again.',
  );
  await step(
    'tap build',
    join(BINARIES, 'tap'),
    ['build'],
    { PATH: [BINARIES, outerPath()].join(delimiter) },
    'Delete node_modules and run the same command again; if it stays, report it with these lines.',
  );
}

function say(text) {
  process.stderr.write(`sealift: ${text}\n`);
}

async function main() {
  const hash = await lockFileHash();
  if (await isInstalled(hash)) return;
  const unlock = await lock();
  try {
    if (await isInstalled(hash)) return;
    await install();
    await writeFile(STAMP, `${hash}\n`);
  } finally {
    unlock();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
