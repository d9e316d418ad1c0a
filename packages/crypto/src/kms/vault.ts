import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { fail } from '../failures.ts';
import { ask } from './ask.ts';
import type { KmsConfig } from './config.ts';
import { contextBytes } from './context-bytes.ts';
import type { KeyWrapper } from './key-wrapper.ts';

type Config = Extract<KmsConfig, { provider: 'vault' }>;
type Body = Record<string, string>;

/** Longest answer that is read, bytes. */
const MAX_ANSWER = 64 * 1024;

/**
 * HashiCorp Vault's transit engine (`/v1/<mount>/encrypt|decrypt/<key>`), with the context as `associated_data`. The
 * token is read from its file for each request, so that whoever renews it need not tell.
 */
export function vaultWrapper(config: Config): KeyWrapper {
  const { mount, key } = config;
  const agent = new Agent({ keepAlive: true, minVersion: 'TLSv1.2' });
  const call = (verb: 'encrypt' | 'decrypt', body: Body) =>
    ask('Vault', (signal) => post(config, agent, `/v1/${mount}/${verb}/${key}`, body, signal));
  const associated = (context: Parameters<KeyWrapper['wrap']>[1]) => contextBytes(context).toString('base64');
  return {
    provider: 'vault',
    keyRef: `${config.address}/${mount}/keys/${key}`,
    wrap: async (secret, context) => {
      const body = { plaintext: secret.toString('base64'), associated_data: associated(context) };
      return Buffer.from(field(await call('encrypt', body), 'ciphertext'), 'utf8');
    },
    unwrap: async (wrapped, context) => {
      const body = { ciphertext: wrapped.toString('utf8'), associated_data: associated(context) };
      return Buffer.from(field(await call('decrypt', body), 'plaintext'), 'base64');
    },
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

function field(answer: unknown, name: 'ciphertext' | 'plaintext'): string {
  const value = (answer as { data?: Record<string, unknown> } | null)?.data?.[name];
  if (typeof value !== 'string' || value.length === 0) {
    throw fail('kms-unavailable', `Vault answered without '${name}'.`);
  }
  return value;
}

async function post(config: Config, agent: Agent, path: string, body: Body, signal: AbortSignal): Promise<unknown> {
  const { address, tokenFile, namespace, caFile } = config;
  const token = await read(tokenFile);
  const ca = caFile === undefined ? {} : { ca: await read(caFile) };
  const sent = Buffer.from(JSON.stringify(body));
  const headers = {
    'content-type': 'application/json',
    'content-length': sent.length,
    'x-vault-token': token.trim(),
    ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const exchange = request(new URL(path, address), { method: 'POST', agent, headers, signal, ...ca }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('error', reject);
    answer.on('data', (part: string) => {
      text += part;
      if (text.length > MAX_ANSWER) answer.destroy(new Error('its answer is too long'));
    });
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
  });
  exchange.on('error', reject);
  exchange.end(sent);
  const { status, text } = await promise;
  return judge(status, parsed(text), path);
}

function judge(status: number, answer: unknown, path: string): unknown {
  if (status === 200) return answer;
  const errors = (answer as { errors?: unknown } | null)?.errors;
  const why = `${status} ${Array.isArray(errors) ? errors.join('; ').slice(0, 500) : ''}`.trim();
  // 400 at decrypt is Vault's answer to a ciphertext or associated data that does not authenticate.
  if (status === 400 && path.includes('/decrypt/')) throw fail('wrap-damaged', `Vault cannot unwrap it: ${why}.`);
  if (status === 400 || status === 403 || status === 404) throw fail('kms-refused', `Vault refuses ${path}: ${why}.`);
  throw fail('kms-unavailable', `Vault does not answer ${path} as it should: ${why}.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function read(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause) => {
    throw fail('kms-refused', `${file} cannot be read: ${(cause as Error).message}.`);
  });
}
