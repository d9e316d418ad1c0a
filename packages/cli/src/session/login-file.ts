import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fail } from '../failures.ts';
import type { Host } from './host.ts';

/** How to reach a Director and with what right. */
export interface Login {
  url: string;
  token: string;
  /** PEM certificates that the Director's own must lead to; the system's when missing. */
  ca?: string;
}

export function loginFile(env: Host['env']): string {
  const home = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return join(home, 'sealift', 'login.json');
}

/** Readable by its owner only from the first byte on. */
export async function storeLogin(env: Host['env'], login: Login): Promise<string> {
  const file = loginFile(env);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.tmp`;
  await writeFile(fresh, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  await chmod(fresh, 0o600);
  await rename(fresh, file);
  return file;
}

export async function readLogin(env: Host['env']): Promise<Login | undefined> {
  const file = loginFile(env);
  const text = await readFile(file, 'utf8').catch((cause) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });
  if (text === undefined) return undefined;
  const login = parsed(text);
  if (!isLogin(login)) throw fail('login-damaged', `${file} is not what \`sealift login\` writes`);
  return login;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isLogin(value: unknown): value is Login {
  if (typeof value !== 'object' || value === null) return false;
  const { url, token, ca } = value as Partial<Record<keyof Login, unknown>>;
  return typeof url === 'string' && typeof token === 'string' && (ca === undefined || typeof ca === 'string');
}

/** The login in force: SEALIFT_URL, SEALIFT_TOKEN and SEALIFT_CA (a file) over the stored one, each by itself. */
export async function loginInForce(host: Host): Promise<Login> {
  const { SEALIFT_URL, SEALIFT_TOKEN, SEALIFT_CA } = host.env;
  const stored = SEALIFT_URL && SEALIFT_TOKEN ? undefined : await readLogin(host.env);
  const url = SEALIFT_URL || stored?.url;
  const token = SEALIFT_TOKEN || stored?.token;
  if (url === undefined || token === undefined) throw fail('not-logged-in', 'no Director to talk to is known');
  const ca = SEALIFT_CA ? await readFile(SEALIFT_CA, 'utf8') : stored?.ca;
  return ca === undefined ? { url, token } : { url, token, ca };
}
