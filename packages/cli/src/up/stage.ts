import { readFile } from 'node:fs/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RestClient } from '@sealift/wire';
import { fail } from '../failures.ts';
import { allItems, directorAt } from '../session/director.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { UpFolder } from './data-folder.ts';

/** The two Transporters of the demonstration, by name and role. */
export const TRANSPORTERS = ['target', 'source'] as const;

const READY_PATIENCE = 60_000;
const LOCALHOST = '127.0.0.1';

/** Director and Transporters, running and connected. */
export interface Stage extends AsyncDisposable {
  director: RestClient;
  url: string;
  tokenFile: string;
  authorityFile: string;
  daemons: Daemon[];
  /** Aborts when the invocation ends or one of the daemons does. */
  signal: AbortSignal;
}

/** Five ports from `first` on: REST, control, data, health of target and source; 0 takes any free ones. */
export async function startStage(folder: UpFolder, first: number, signal: AbortSignal): Promise<Stage> {
  await using started = new AsyncDisposableStack();
  const broken = new AbortController();
  const inner = AbortSignal.any([signal, broken.signal]);
  const port = (offset: number) => String(first === 0 ? 0 : first + offset);
  const daemons: Daemon[] = [];
  const launch = async (name: string, args: string[], env: Record<string, string> = {}) => {
    const logFile = join(folder.logs, `${name}.log`);
    const daemon = started.use(await startDaemon({ name, args, env, logFile }, inner));
    daemon.unexpectedEnd.catch((failure) => broken.abort(failure));
    daemons.push(daemon);
    return daemon;
  };

  const { addresses } = await launch('director', directorArgs(folder, port));
  const url = addresses.rest as string;
  const tokenFile = join(folder.director, 'admin-token');
  const authorityFile = join(folder.director, 'ca.pem');
  const authority = await readFile(authorityFile, 'utf8');
  const token = (await readFile(tokenFile, 'utf8')).trim();
  const client = started.use(await directorAt(url, token, authority));
  await waitForReady(`${url}/readyz`, authority, 'director', inner);
  for (const [at, role] of TRANSPORTERS.entries()) {
    const ports = ['--data-port', port(2), '--health-port', port(3 + at)];
    const args = ['transporter', 'serve', '--name', role, '--role', role, '--data', folder[role]];
    const director = ['--director-url', url, '--control-url', addresses.control as string];
    const network = ['--data-host', LOCALHOST, ...ports, ...director];
    const daemon = await launch(role, [...args, ...network], await enrolment(client, role, inner));
    await waitForReady(`${daemon.addresses.health}/readyz`, undefined, role, inner);
  }
  const running = started.move();
  return {
    director: client,
    url,
    tokenFile,
    authorityFile,
    daemons,
    signal: inner,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function directorArgs(folder: UpFolder, port: (offset: number) => string): string[] {
  const data = ['director', 'serve', '--data', folder.director];
  const network = ['--host', LOCALHOST, '--public-host', LOCALHOST, '--port', port(0), '--control-port', port(1)];
  return [...data, ...network];
}

/** A one-time token for a Transporter that the Director does not know yet, handed over in the environment. */
async function enrolment(
  director: RestClient,
  role: 'source' | 'target',
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const known = await allItems(director, 'listTransporters', {}, signal);
  if (known.some((one) => one.name === role)) return {};
  const { token } = await director.call('createToken', { body: { name: role, role } }, signal);
  return { SEALIFT_ENROLMENT_TOKEN: token };
}

async function waitForReady(url: string, ca: string | undefined, name: string, signal: AbortSignal): Promise<void> {
  for (const giveUpAt = Date.now() + READY_PATIENCE; ; ) {
    if ((await status(url, ca, signal)) === 200) return;
    if (Date.now() > giveUpAt) {
      throw fail('daemon-ended', `the ${name} runs but is not ready after ${READY_PATIENCE / 1000} s (${url})`);
    }
    await sleep(100, undefined, { signal });
  }
}

/** 0 when nothing answers. */
function status(url: string, ca: string | undefined, signal: AbortSignal): Promise<number> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const asked = request(url, { signal, agent: false, ...(ca === undefined ? {} : { ca }) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', () => resolve(0));
    asked.end();
  });
}
