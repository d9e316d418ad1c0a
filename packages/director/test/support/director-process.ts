import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DirectorHandle } from '../../src/index.ts';

/** A Director in its own process. */
export interface DirectorProcess extends AsyncDisposable {
  director: DirectorHandle;
  /** All it has printed so far. */
  output(): string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export async function spawnDirector(
  data: string,
  o: { port?: number; controlPort?: number; logLevel?: 'silent' | 'trace' } = {},
): Promise<DirectorProcess> {
  const script = fileURLToPath(new URL('./serve-director.ts', import.meta.url));
  const options = [data, String(o.port ?? 0), String(o.controlPort ?? 0), o.logLevel ?? 'silent'];
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const kill = () => killed(child);
  const { promise, resolve, reject } = Promise.withResolvers<DirectorHandle>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('{"handle":')) resolve(JSON.parse(line).handle);
  });
  child.once('exit', (code) => reject(new Error(`the Director ended with ${code}: ${lines.join('\n')}`)));
  return { director: await promise, output: () => lines.join('\n'), kill, [Symbol.asyncDispose]: kill };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
