import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DirectorHandle, startDirector } from '@sealift/director';
import type { TransporterConfig, TransporterRole } from '@sealift/transporter';
import { RestClient, type RunResource } from '@sealift/wire';
import { TcpGate } from './tcp-gate.ts';

const TRANSPORTER = fileURLToPath(new URL('./transporter-process.ts', import.meta.url));
const ENDED = new Set(['done', 'warnings', 'failed', 'cancelled']);

/** A Director in this process, a source and a target in their own, and a gate on the way from one to the other. */
export class Site implements AsyncDisposable {
  readonly client: RestClient;
  readonly gate: TcpGate;
  readonly #director: DirectorHandle;
  readonly #configs = new Map<TransporterRole, TransporterConfig>();
  readonly #processes = new Map<TransporterRole, ChildProcess>();

  private constructor(client: RestClient, gate: TcpGate, director: DirectorHandle) {
    this.client = client;
    this.gate = gate;
    this.#director = director;
  }

  static async open(folder: string): Promise<Site> {
    const director = await startDirector({
      data: join(folder, 'director'),
      host: '127.0.0.1',
      port: 0,
      controlPort: 0,
      logLevel: 'silent',
    });
    const token = (await readFile(director.adminTokenFile, 'utf8')).trim();
    const authority = await readFile(director.authorityFile, 'utf8');
    const dataPort = await freePort();
    const gate = await TcpGate.open(dataPort);
    const site = new Site(new RestClient({ url: director.url, token, authority }), gate, director);
    await site.#enrol('target', folder, { dataPort, dataHost: '127.0.0.1', publicUrl: `wss://127.0.0.1:${gate.port}` });
    await site.#enrol('source', folder, {});
    const body = { name: 'store', transporter: 'target', path: join(folder, 'store') };
    await site.client.call('createRepository', { body });
    return site;
  }

  /** Starts a Transporter that was enrolled, as after a crash. */
  async start(role: TransporterRole): Promise<void> {
    const child = fork(TRANSPORTER, [JSON.stringify(this.#configs.get(role))], { execArgv: [] });
    this.#processes.set(role, child);
    const [answer] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (typeof answer !== 'string') throw new Error(`the ${role} ended at its start`);
  }

  /** Ends it as a power cut would. */
  async kill(role: TransporterRole): Promise<void> {
    const child = this.#processes.get(role) as ChildProcess;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Waits until a run has ended, and says how. */
  async ended(id: string): Promise<RunResource> {
    for (;;) {
      const run = await this.client.call('getRun', { params: { id } });
      if (ENDED.has(run.state)) return run;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.disconnect();
      await once(child, 'exit');
    }
    this.client[Symbol.dispose]();
    await this.gate[Symbol.asyncDispose]();
    await this.#director.close();
  }

  async #enrol(role: TransporterRole, folder: string, more: Partial<TransporterConfig>): Promise<void> {
    const { token } = await this.client.call('createToken', { body: { name: role, role } });
    this.#configs.set(role, {
      name: role,
      role,
      data: join(folder, role),
      directorUrl: this.#director.url,
      token,
      healthPort: 0,
      workers: 1,
      logLevel: (process.env.SEALIFT_TEST_LOG ?? 'silent') as 'silent',
      ...more,
    });
    await this.start(role);
    await this.#connected(role);
  }

  async #connected(role: TransporterRole): Promise<void> {
    while (!(await this.client.call('getTransporter', { params: { id: role } })).connected) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
