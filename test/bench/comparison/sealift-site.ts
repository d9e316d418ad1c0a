import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RestClient, type RunResource } from '@sealift/wire';
import { type Daemon, startDaemon } from '../../../packages/cli/src/up/daemon.ts';
import { DelayedLink, type Shape } from './delayed-link.ts';
import { freePort } from './free-port.ts';

const LOCALHOST = '127.0.0.1';
const ENDED = new Set(['done', 'warnings', 'failed', 'cancelled']);
/** How often a run is asked whether it has ended, ms. */
const ASK_EVERY = 25;

/** A Director, a source and a target, each the program that is shipped, in a process of its own. */
export interface SealiftSite extends AsyncDisposable {
  client: RestClient;
  source: Daemon;
  target: Daemon;
  /** Between source and target, in network mode. */
  link?: DelayedLink;
  /** @throws when the run did not end well */
  ended(id: string): Promise<RunResource>;
}

/** @param shape of the way from source to target; they talk over loopback without */
export async function openSealiftSite(folder: string, workers: number, shape: Shape | undefined): Promise<SealiftSite> {
  await using started = new AsyncDisposableStack();
  await mkdir(folder, { recursive: true });
  const signal = new AbortController().signal;
  const launch = async (name: string, args: string[], env: Record<string, string> = {}) =>
    started.use(await startDaemon({ name, args, env, logFile: join(folder, `${name}.log`) }, signal));

  const data = join(folder, 'director');
  const director = await launch('director', [
    ...['director', 'serve', '--data', data, '--host', LOCALHOST, '--public-host', LOCALHOST],
    ...['--port', '0', '--control-port', '0'],
  ]);
  const url = director.addresses.rest as string;
  const authority = await readFile(join(data, 'ca.pem'), 'utf8');
  const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
  const client = started.use(new RestClient({ url, token, authority }));

  const transporter = async (role: 'source' | 'target', more: string[]) => {
    const enrolment = await client.call('createToken', { body: { name: role, role } });
    const network = ['--director-url', url, '--control-url', director.addresses.control as string, ...more];
    const args = ['--data', join(folder, role), '--workers', String(workers), ...network];
    return launch(role, [...transporterArgs(role), ...args], { SEALIFT_ENROLMENT_TOKEN: enrolment.token });
  };
  const port = await freePort();
  const link = shape === undefined ? undefined : started.use(await DelayedLink.open(port, shape));
  const publicUrl = `wss://${LOCALHOST}:${link?.port ?? port}`;
  const target = await transporter('target', [
    '--data-host',
    LOCALHOST,
    '--data-port',
    String(port),
    '--public-url',
    publicUrl,
  ]);
  const source = await transporter('source', []);
  await connected(client);
  const running = started.move();
  return {
    client,
    source,
    target,
    ...(link === undefined ? {} : { link }),
    ended: (id) => ended(client, id),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function transporterArgs(role: string): string[] {
  return ['transporter', 'serve', '--name', role, '--role', role, '--health-port', '0'];
}

async function connected(client: RestClient): Promise<void> {
  for (;;) {
    const all = await Array.fromAsync(client.list('listTransporters', {}));
    if (all.length === 2 && all.every((one) => one.connected)) return;
    await sleep(50);
  }
}

async function ended(client: RestClient, id: string): Promise<RunResource> {
  for (;;) {
    const run = await client.call('getRun', { params: { id } });
    if (!ENDED.has(run.state)) await sleep(ASK_EVERY);
    else if (run.state === 'done') return run;
    else
      throw new Error(`The ${run.kind} ended as ${run.state}: ${run.failure?.message ?? `${run.warnings} warnings`}`);
  }
}
