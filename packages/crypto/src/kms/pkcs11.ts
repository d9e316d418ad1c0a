import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { fail } from '../failures.ts';
import { NONCE_LENGTH, TAG_LENGTH } from '../primitives.ts';
import { ask } from './ask.ts';
import type { KmsConfig } from './config.ts';
import { contextBytes } from './context-bytes.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import type { Pkcs11Answer, Pkcs11Request } from './pkcs11-worker.ts';

type Config = Extract<KmsConfig, { provider: 'pkcs11' }>;

/** An AES-256 key that never leaves its token: nonce (12 bytes), AES-GCM ciphertext and tag, made by the token. */
export function pkcs11Wrapper(config: Config): KeyWrapper {
  const token = new TokenThread(config);
  return {
    provider: 'pkcs11',
    keyRef: `token=${config.token};object=${config.object}`,
    wrap: async (secret, context) => {
      const nonce = randomBytes(NONCE_LENGTH);
      const sealed = await token.run({ work: 'encrypt', nonce, aad: contextBytes(context), input: secret });
      return Buffer.concat([nonce, sealed]);
    },
    unwrap: async (wrapped, context) => {
      if (wrapped.length < NONCE_LENGTH + TAG_LENGTH)
        throw fail('wrap-damaged', 'A secret wrapped by PKCS#11 is cut off.');
      const [nonce, input] = [wrapped.subarray(0, NONCE_LENGTH), wrapped.subarray(NONCE_LENGTH)];
      return await token.run({ work: 'decrypt', nonce, aad: contextBytes(context), input });
    },
    [Symbol.asyncDispose]: () => token.end(),
  };
}

/** The thread that talks to the module: started with the first request, and anew when it has died or hangs. */
class TokenThread {
  readonly #config: Config;
  readonly #waiting = new Map<number, PromiseWithResolvers<Buffer>>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(config: Config) {
    this.#config = config;
  }

  async run(request: Omit<Pkcs11Request, 'id'>): Promise<Buffer> {
    const { module, token } = this.#config;
    if (!existsSync(module)) throw fail('kms-refused', `There is no PKCS#11 module ${module}.`);
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Buffer>();
    this.#waiting.set(id, waiting);
    this.#started().postMessage({ id, ...request });
    try {
      return await ask(`The PKCS#11 token '${token}'`, (signal) => {
        signal.addEventListener('abort', () => void this.end(), { once: true });
        return waiting.promise;
      });
    } finally {
      this.#waiting.delete(id);
    }
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./pkcs11-worker.ts', import.meta.url), { workerData: this.#config });
    worker.unref();
    worker.on('message', (answer: Pkcs11Answer) => this.#settle(answer));
    worker.on('error', (error) => this.#lose(worker, error as Error));
    worker.on('exit', () => this.#lose(worker, new Error('its thread has ended')));
    this.#worker = worker;
    return worker;
  }

  #settle(answer: Pkcs11Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if ('output' in answer) {
      waiting?.resolve(Buffer.from(answer.output));
      return;
    }
    const { token } = this.#config;
    const codes = { unavailable: 'kms-unavailable', refused: 'kms-refused', damaged: 'wrap-damaged' } as const;
    waiting?.reject(fail(codes[answer.kind], `The PKCS#11 token '${token}' did not do it: ${answer.error}.`));
  }

  #lose(worker: Worker, error: Error): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
  }
}
