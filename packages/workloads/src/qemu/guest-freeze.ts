import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FreezeReport } from './freeze-program.ts';

export interface FreezePatience {
  /** With each answer of the agent, ms. */
  answer: number;
  /** Longest time that a guest stays frozen, ms. */
  frozen: number;
  /** For how long it is tried to thaw, ms. */
  thaw: number;
}

const PATIENCE: FreezePatience = { answer: 10_000, frozen: 10_000, thaw: 30_000 };
/** For a process to start, on a busy machine. */
const STARTING_MS = 20_000;

/** How a guest was frozen. */
export interface Frozen {
  /** Filesystems. */
  filesystems: number;
  /** Why the guest was not, or may not have been, frozen at the instant. */
  trouble?: string;
}

/**
 * Filesystems of a guest, frozen by a process of its own (`freeze-program.ts`), so that they are thawed whatever becomes
 * of this one. The time that a guest can cost is bounded.
 */
export class GuestFreeze {
  readonly #socket: string;
  readonly #patience: FreezePatience;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #late: NodeJS.Timeout;
  #filesystems = 0;
  #trouble: string | undefined;

  private constructor(socket: string, patience: FreezePatience) {
    this.#socket = socket;
    this.#patience = patience;
    const { answer, frozen, thaw } = patience;
    this.#child = program(socket, [answer, frozen, thaw]);
    this.#reader = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess['stdout']> });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    // More than it takes itself: two questions to freeze, the time it may be frozen, and the last attempt to thaw.
    const most = STARTING_MS + 2 * answer + frozen + thaw + 2 * answer;
    this.#late = setTimeout(() => this.#child.kill('SIGKILL'), most);
  }

  /** Resolves when the guest is frozen, or will not be. */
  static async begin(socket: string, patience = PATIENCE, signal?: AbortSignal): Promise<GuestFreeze> {
    const freeze = new GuestFreeze(socket, patience);
    const give = () => freeze.#child.stdin?.end();
    signal?.addEventListener('abort', give, { once: true });
    const report = await freeze.#next();
    signal?.removeEventListener('abort', give);
    if ('frozen' in report) freeze.#filesystems = report.frozen;
    else freeze.#trouble = 'failed' in report ? report.failed : 'it was thawed at once';
    return freeze;
  }

  /** Resolves when the guest is thawed, or cannot be. */
  async thaw(): Promise<Frozen> {
    this.#child.stdin?.end();
    if (this.#trouble === undefined) {
      const report = await this.#next();
      if ('failed' in report) this.#trouble = `${report.failed}; it may still be frozen`;
      else if ('thawed' in report && report.thawed === 'late') this.#trouble = 'the snapshot took too long';
    }
    await ended(this.#child);
    clearTimeout(this.#late);
    this.#reader.close();
    // Somebody has killed it: nobody else would thaw the guest.
    if (this.#child.exitCode !== 0) await this.#thawAgain();
    return { filesystems: this.#filesystems, ...(this.#trouble === undefined ? {} : { trouble: this.#trouble }) };
  }

  async #thawAgain(): Promise<void> {
    const { answer, thaw } = this.#patience;
    const child = program(this.#socket, [answer, 0, thaw]);
    child.stdin?.end();
    child.stdout?.resume();
    await ended(child);
  }

  async #next(): Promise<FreezeReport> {
    const line = await this.#lines.next();
    if (line.done === true) return { failed: 'the process that was to freeze it has ended' };
    return JSON.parse(line.value) as FreezeReport;
  }
}

/** In a session of its own, where no signal to ours reaches it. */
function program(socket: string, times: number[]): ChildProcess {
  const path = fileURLToPath(new URL('./freeze-program.ts', import.meta.url));
  const child = spawn(process.execPath, [path, socket, ...times.map(String)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await once(child, 'exit');
}
