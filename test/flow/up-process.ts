import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/sealift.mjs', import.meta.url));

/** A `sealift` process whose output is collected. */
export class Started {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<unknown>;

  constructor(args: string[], o: { cwd?: string; node?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.child = spawn(o.node ?? process.execPath, [COMMAND, ...args], {
      cwd: o.cwd,
      env: o.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (bytes) => {
      this.stdout += bytes;
    });
    this.child.stderr?.on('data', (bytes) => {
      this.stderr += bytes;
    });
    this.#ended = once(this.child, 'close');
  }

  /** Exit status, or the name of the signal that ended it. */
  async end(): Promise<number | string> {
    await this.#ended;
    return this.child.exitCode ?? (this.child.signalCode as string);
  }

  /** Waits until standard error says this; throws when the process ends without. */
  async says(pattern: RegExp): Promise<void> {
    let running = true;
    void this.#ended.then(() => {
      running = false;
    });
    while (!pattern.test(this.stderr)) {
      if (!running) throw new Error(`it ended without saying ${pattern}: ${this.stderr}`);
      await sleep(50);
    }
  }
}

/** The processes that work on a data directory: it stands in their command lines. */
export async function processesOf(data: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (line.split('\0').some((part) => part.startsWith(data)) && !/\) Z /.test(stat)) found.push(Number(name));
  }
  return found;
}

/** Resolves when no process works on the data directory any more. */
export async function nobodyWorksOn(data: string): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    if ((await processesOf(data)).length === 0) return true;
    await sleep(100);
  }
  return false;
}

/** The first `node` on the path that is too old to run the command itself. */
export async function olderNode(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(folder, 'node');
    const found = await promisify(execFile)(node, ['--version']).catch(() => undefined);
    const major = Number(/^v(\d+)\./.exec(found?.stdout ?? '')?.[1]);
    if (major < 24) return node;
  }
  return undefined;
}
