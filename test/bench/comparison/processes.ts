import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peers } from './peers.ts';

export interface Cost {
  seconds: number;
  /** User and system, of all processes that could be seen. */
  cpuSeconds: number;
  /** Of the largest process. */
  peakBytes: number;
}

export interface Command {
  program: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
}

/** Runs a program to its end. CPU seconds are those of the program and the children that it waited for. */
export async function measureCommand({ program, args, cwd, env }: Command, peers: Peers): Promise<Cost> {
  const timing = join(peers.scratch, `time-${process.pid}`);
  const child = spawn(peers.time, ['-f', '%U %S %M', '-o', timing, program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors: string[] = [];
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes.toString()));
  const start = performance.now();
  const [status] = await once(child, 'close');
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${errors.join('').slice(-2000)}`);
  const [user, system, kilobytes] = (await readFile(timing, 'utf8')).trim().split(/\s+/).map(Number) as number[];
  await rm(timing);
  return { seconds, cpuSeconds: (user as number) + (system as number), peakBytes: (kilobytes as number) * 1024 };
}

/** CPU and peak memory of processes that go on running, from now on. */
export class ProcessWatch {
  readonly #pids: number[];
  readonly #before: number[];

  private constructor(pids: number[], before: number[]) {
    this.#pids = pids;
    this.#before = before;
  }

  static async start(pids: number[]): Promise<ProcessWatch> {
    // 5: the high-water mark of resident memory starts anew.
    for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, '5');
    return new ProcessWatch(pids, await Promise.all(pids.map(cpuSeconds)));
  }

  async cost(): Promise<{ cpuSeconds: number[]; peakBytes: number[] }> {
    const after = await Promise.all(this.#pids.map(cpuSeconds));
    return {
      cpuSeconds: after.map((seconds, i) => seconds - (this.#before[i] as number)),
      peakBytes: await Promise.all(this.#pids.map(peakBytes)),
    };
  }
}

const TICKS_PER_SECOND = 100;

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) * 1024;
}
