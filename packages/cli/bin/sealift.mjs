#!/usr/bin/env node
// The `sealift` command under any Node: the program itself is TypeScript for Node 24.15 or later, so an older Node
// hands over to a newer one and only passes on signals and the exit status.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = [24, 15];
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Compiled code is kept between starts: quicker, and about 40 MB less memory, for the type stripper is not loaded. */
function useCompileCache() {
  const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  process.env.NODE_COMPILE_CACHE ??= join(cacheHome, 'sealift', 'compiled');
}

function findNewerNode() {
  const here = (path) => fileURLToPath(new URL(path, import.meta.url));
  const installed = [here('../../../node_modules/.bin/node'), here('../node_modules/.bin/node')];
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  for (const candidate of [...installed, ...onPath]) {
    if (!existsSync(candidate)) continue;
    try {
      if (isNewEnough(execFileSync(candidate, ['--version'], { encoding: 'utf8' }).trim())) return candidate;
    } catch {
      // Not a Node that runs here: the next one.
    }
  }
  return undefined;
}

/** The channel tells the child that this process is gone, even after SIGKILL: see src/main.ts. */
function handOver(node) {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const name of PASSED_ON) process.on(name, () => child.kill(name));
  child.once('error', (error) => {
    process.stderr.write(`sealift: cannot start ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

useCompileCache();
if (isNewEnough(process.version)) {
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  const { becomeLeanDaemon } = await import('../src/daemon-memory.ts');
  becomeLeanDaemon(process.argv.slice(2), fileURLToPath(import.meta.url));
  const { main } = await import('../src/main.ts');
  await main();
} else {
  const node = findNewerNode();
  if (node === undefined) {
    process.stderr.write(
      `sealift: needs Node ${NEEDED.join('.')} or later and this is ${process.version}.\n` +
        'In a checkout run `npm ci` once: it brings the right Node with it.\n',
    );
    process.exitCode = 1;
  } else {
    handOver(node);
  }
}
