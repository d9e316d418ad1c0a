import type { Input, Item, ListOperation, RestClient } from '@sealift/wire';
import type { Invocation } from './host.ts';
import { loginInForce } from './login-file.ts';

/** The client of the Director that this user is logged in to. */
export async function openDirector(invocation: Invocation): Promise<RestClient> {
  const { url, token, ca } = await loginInForce(invocation.host);
  return await directorAt(url, token, ca);
}

/** Loaded when it is needed: help and completion must not wait for TLS and schemas. */
export async function directorAt(url: string, token: string, ca: string | undefined): Promise<RestClient> {
  const { RestClient } = await import('@sealift/wire');
  return new RestClient({ url, token, ...(ca === undefined ? {} : { authority: ca }) });
}

export async function allItems<O extends ListOperation>(
  director: RestClient,
  operation: O,
  input: Input<O>,
  signal: AbortSignal,
): Promise<Item<O>[]> {
  return await Array.fromAsync(director.list(operation, input, signal));
}
