import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DirectorConfig, DirectorHandle } from '@sealift/director';
import type { TransporterConfig, TransporterRole } from '@sealift/transporter';
import { RestClient, type RunResource } from '@sealift/wire';
import { TcpGate } from './tcp-gate.ts';

const TRANSPORTER = fileURLToPath(new URL('./transporter-process.ts', import.meta.url));
const DIRECTOR = fileURLToPath(new URL('./director-process.ts', import.meta.url));
const LOG_LEVEL = (process.env.SEALIFT_TEST_LOG ?? 'silent') as 'silent';
const ENDED = new Set(['done', 'warnings', 'failed', 'cancelled']);

type Part = TransporterRole | 'director' | 'second-target';
type Served = Pick<DirectorHandle, 'url' | 'adminTokenFile' | 'authorityFile'>;

/** A Director, a source and a target in their own processes, and a gate on the way from source to target. */
export class Site implements AsyncDisposable {
  readonly client: RestClient;
  readonly gate: TcpGate;
  /** What a command line needs to reach the Director. */
  readonly environment: Record<string, string>;
  readonly #folder: string;
  readonly #directorUrl: string;
  readonly #configs: Map<Part, DirectorConfig | TransporterConfig>;
  readonly #processes: Map<Part, ChildProcess>;

  private constructor(folder: string, parts: Pick<Site, 'client' | 'gate' | 'environment'>, config: DirectorConfig) {
    this.#folder = folder;
    this.client = parts.client;
    this.gate = parts.gate;
    this.environment = parts.environment;
    this.#directorUrl = parts.environment.SEALIFT_URL as string;
    this.#configs = new Map([['director', config]]);
    this.#processes = new Map();
  }

  static async open(folder: string, more: Partial<DirectorConfig> = {}): Promise<Site> {
    const config: DirectorConfig = {
      data: join(folder, 'director'),
      host: '127.0.0.1',
      port: await freePort(),
      controlPort: await freePort(),
      names: [],
      drillInterval: 0,
      verifyWithin: 0,
      collectInterval: 0,
      retentionInterval: 0,
      timeZone: 'UTC',
      logLevel: LOG_LEVEL,
      ...more,
    };
    const director = await startProcess<Served>(DIRECTOR, config);
    const { url, authorityFile } = director.answer;
    const token = (await readFile(director.answer.adminTokenFile, 'utf8')).trim();
    const authority = await readFile(authorityFile, 'utf8');
    const dataPort = await freePort();
    const gate = await TcpGate.open(dataPort);
    const environment = { SEALIFT_URL: url, SEALIFT_TOKEN: token, SEALIFT_CA: authorityFile };
    const site = new Site(folder, { client: new RestClient({ url, token, authority }), gate, environment }, config);
    site.#processes.set('director', director.child);
    await site.#enrol('target', { dataPort, dataHost: '127.0.0.1', publicUrl: `wss://127.0.0.1:${gate.port}` });
    await site.#enrol('source', {});
    const body = { name: 'store', transporter: 'target', path: join(folder, 'store') };
    await site.client.call('createRepository', { body });
    return site;
  }

  /** Starts a part that was there before, as after a crash. */
  async start(part: Part): Promise<void> {
    const file = part === 'director' ? DIRECTOR : TRANSPORTER;
    this.#processes.set(part, (await startProcess(file, this.#configs.get(part))).child);
  }

  /** What a part is started with from now on. */
  reconfigure(part: Part, more: Partial<DirectorConfig & TransporterConfig>): void {
    this.#configs.set(part, { ...this.#configs.get(part), ...more } as DirectorConfig | TransporterConfig);
  }

  /** Ends it as a power cut would. */
  async kill(part: Part): Promise<void> {
    const child = this.#processes.get(part) as ChildProcess;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Waits until a run has ended, and says how. */
  ended(id: string): Promise<RunResource> {
    return this.runWhen(id, ({ state }) => ENDED.has(state));
  }

  /** The run, once it looks as wanted. */
  async runWhen(id: string, wanted: (run: RunResource) => boolean): Promise<RunResource> {
    for (;;) {
      const run = await this.client.call('getRun', { params: { id } });
      if (wanted(run)) return run;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Resolves when the Director has a connection to the Transporter of this name. */
  async connected(name: string): Promise<void> {
    for (;;) {
      const transporters = await Array.fromAsync(this.client.list('listTransporters', {}));
      if (transporters.some((transporter) => transporter.name === name && transporter.connected)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Last started, first ended: the Director goes when nobody needs it.
    for (const child of [...this.#processes.values()].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.disconnect();
      await once(child, 'exit');
    }
    this.client[Symbol.dispose]();
    await this.gate[Symbol.asyncDispose]();
  }

  /** One more target, `second-target`, that everybody reaches directly. */
  async addSecondTarget(): Promise<void> {
    const dataPort = await freePort();
    const where = { dataPort, dataHost: '127.0.0.1', publicUrl: `wss://127.0.0.1:${dataPort}` };
    await this.#enrol('target', where, 'second-target');
  }

  async #enrol(
    role: TransporterRole,
    more: Partial<TransporterConfig>,
    name: TransporterRole | 'second-target' = role,
  ): Promise<void> {
    const { token } = await this.client.call('createToken', { body: { name, role } });
    this.#configs.set(name, {
      name,
      role,
      data: join(this.#folder, name),
      directorUrl: this.#directorUrl,
      token,
      healthPort: 0,
      workers: 1,
      logLevel: LOG_LEVEL,
      ...more,
    });
    await this.start(name);
    await this.connected(name);
  }
}

/** Resolves when it has said what it says at its start; throws when it ends without. */
async function startProcess<T>(file: string, config: unknown): Promise<{ child: ChildProcess; answer: T }> {
  const child = fork(file, [JSON.stringify(config)], { execArgv: [] });
  const [answer] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${file} ended at its start`);
  return { child, answer };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
