import type { RestClient, RunResource } from '@sealift/wire';
import { readSecret } from '../secrets/read-secret.ts';
import type { Invocation } from '../session/host.ts';

export interface PasswordOptions {
  passwordFile?: string;
}

/**
 * Gives a run its encryption password: from the file that was named, or from the person at the terminal when the
 * Director keeps nothing of the password. Without a terminal the run waits for `sealift run password`.
 */
export async function withPassword(
  invocation: Invocation,
  director: RestClient,
  run: RunResource,
  { passwordFile }: PasswordOptions,
): Promise<RunResource> {
  if (passwordFile === undefined && !(await mustAsk(invocation, director, run))) return run;
  const password = await readSecret(invocation, { label: 'Encryption password', file: passwordFile });
  return await director.call('giveRunPassword', { params: { id: run.id }, body: { password } }, invocation.signal);
}

/** The same for looking into a point. */
export async function withPointPassword(
  invocation: Invocation,
  director: RestClient,
  id: string,
  { passwordFile }: PasswordOptions,
): Promise<void> {
  const { host, signal } = invocation;
  const ask = host.stdin.isTTY === true && (await pointNeedsPassword(director, id, signal));
  if (passwordFile === undefined && !ask) return;
  const password = await readSecret(invocation, { label: 'Encryption password', file: passwordFile });
  await director.call('givePointPassword', { params: { id }, body: { password } }, signal);
}

async function mustAsk({ host, signal }: Invocation, director: RestClient, run: RunResource): Promise<boolean> {
  if (host.stdin.isTTY !== true) return false;
  if (run.job === undefined) return false;
  if (run.restore !== undefined) return await pointNeedsPassword(director, run.restore.point, signal);
  const job = await director.call('getJob', { params: { id: run.job.id } }, signal);
  return job.password !== undefined && !(await isKept(director, job.password.id, signal));
}

async function isKept(director: RestClient, passwordId: string, signal: AbortSignal): Promise<boolean> {
  return (await director.call('getPassword', { params: { id: passwordId } }, signal)).keep === 'hash';
}

async function pointNeedsPassword(director: RestClient, id: string, signal: AbortSignal): Promise<boolean> {
  return (await director.call('getPoint', { params: { id } }, signal)).passwordNeeded === true;
}
