import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, toFailure } from '@sealift/core';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { fail } from '../failures.ts';
import { API, type Input, type Item, type ListOperation, type Operation, type Output } from './api.ts';
import { fetchAuthority } from './authority.ts';
import { DOWNLOAD_PATH, DOWNLOAD_TYPE, type DownloadRequest } from './downloads.ts';
import type { Endpoint } from './endpoint.ts';
import { DirectorEvent, type NumberedEvent } from './events.ts';
import { Problem } from './fields.ts';
import { answerBytes, cutOff, HttpsSender, readAnswer } from './http.ts';
import { readEvents } from './sse.ts';

export interface RestClientOptions {
  /** `https://host:port` of a Director. */
  url: string;
  token?: string;
  /** PEM of the one authority to trust. */
  authority?: string;
  /** SHA-256 of that authority's public key, base64url, as in an enrolment token; instead of `authority`. */
  pin?: string;
  /** Talks only to a Director with post-quantum key exchange. */
  postQuantumOnly?: boolean;
}

export interface CallOptions {
  /** A creation repeated with the same key happens once. */
  idempotencyKey?: string;
}

interface Fields {
  params?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
}

const problems = Compile(Problem);
const events = Compile(DirectorEvent);
const validators = new Map<Operation, { Check(value: unknown): boolean }>();

/** Typed client of a Director's REST API. Failures of the Director arrive with its codes. */
export class RestClient implements Disposable {
  readonly #o: RestClientOptions;
  #sender: Promise<HttpsSender> | undefined;

  constructor(o: RestClientOptions) {
    this.#o = o;
  }

  /** `client.call('startRun', { params: { id: 'photos' } })` */
  async call<O extends Operation>(
    operation: O,
    input: Input<O>,
    signal?: AbortSignal,
    options: CallOptions = {},
  ): Promise<Output<O>> {
    const endpoint: Endpoint = API[operation];
    const fields = input as Fields;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
    const body = endpoint.body === undefined ? undefined : Buffer.from(JSON.stringify(fields.body));
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await this.#send(endpoint.method, this.#url(endpoint.path, fields), headers, body, signal);
    const document = parseJson(await readAnswer(answer));
    if ((answer.statusCode ?? 0) >= 400) throw problemFailure(answer, document);
    if (!validatorOf(operation).Check(document)) {
      throw fail('response-invalid', `The answer to ${operation} is not what this API answers.`);
    }
    return document as Output<O>;
  }

  /** A file or folder of a recovery point, sealed to the key in the request; to be opened with `readDownload`. */
  async download(id: string, body: DownloadRequest, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const headers = { accept: DOWNLOAD_TYPE, 'content-type': 'application/json' };
    const url = this.#url(DOWNLOAD_PATH, { params: { id } });
    const answer = await this.#send('POST', url, headers, Buffer.from(JSON.stringify(body)), signal);
    if (answer.statusCode === 200 && answer.headers['content-type'] === DOWNLOAD_TYPE) return answerBytes(answer);
    throw problemFailure(answer, parseJson(await readAnswer(answer)));
  }

  /** All items of a list, page after page. */
  async *list<O extends ListOperation>(operation: O, input: Input<O>, signal?: AbortSignal): AsyncGenerator<Item<O>> {
    const fields = input as Fields;
    for (let cursor: string | undefined; ; ) {
      const query = { ...fields.query, ...(cursor === undefined ? {} : { cursor }) };
      const found = await this.call(operation, { ...fields, query } as Input<O>, signal);
      yield* found.items as Item<O>[];
      cursor = found.next;
      if (cursor === undefined) return;
    }
  }

  /**
   * Events as they happen, from now or from after `since`. Connections that break are made again and resume where they
   * stopped; ends only by `signal` or by a refusal.
   */
  async *events(signal: AbortSignal, since?: string): AsyncGenerator<NumberedEvent, void, undefined> {
    let last = since;
    for (let pause = 250; ; pause = Math.min(pause * 2, 5_000)) {
      try {
        for await (const event of this.#openEvents(last, signal)) {
          last = event.id;
          pause = 250;
          yield event;
        }
      } catch (thrown) {
        signal.throwIfAborted();
        if (toFailure(thrown).kind !== 'retry') throw thrown;
      }
      await sleep(pause * (0.5 + Math.random()), undefined, { signal });
    }
  }

  [Symbol.dispose](): void {
    void this.#sender?.then((sender) => sender.close()).catch(() => {});
  }

  async *#openEvents(last: string | undefined, signal: AbortSignal): AsyncGenerator<NumberedEvent> {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (last !== undefined) headers['last-event-id'] = last;
    const answer = await this.#send('GET', this.#url('/api/v1/events', {}), headers, undefined, signal);
    if (answer.statusCode !== 200) throw problemFailure(answer, parseJson(await readAnswer(answer)));
    try {
      for await (const { id, type, data } of readEvents(answer as AsyncIterable<Buffer>)) {
        const event = { type, data: parseJson(Buffer.from(data)) };
        // A type that this version does not know is not for it.
        if (events.Check(event)) yield { ...event, id };
      }
    } catch (thrown) {
      throw cutOff(thrown);
    } finally {
      answer.destroy();
    }
  }

  #url(path: string, { params = {}, query = {} }: Fields): URL {
    const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const url = new URL(filled, this.#o.url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  async #send(
    method: string,
    url: URL,
    headers: Record<string, string>,
    body: Buffer | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    this.#sender ??= this.#makeSender(signal);
    const sender = await this.#sender.catch((thrown) => {
      this.#sender = undefined;
      throw thrown;
    });
    const { token } = this.#o;
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    return await sender.send({ method, url, headers, ...(body === undefined ? {} : { body }) }, signal);
  }

  async #makeSender(signal: AbortSignal | undefined): Promise<HttpsSender> {
    const { authority, pin, postQuantumOnly } = this.#o;
    const trusted =
      authority === undefined && pin !== undefined ? await fetchAuthority({ ...this.#o, pin }, signal) : authority;
    return new HttpsSender(trusted, postQuantumOnly);
  }
}

function validatorOf(operation: Operation): { Check(value: unknown): boolean } {
  const known = validators.get(operation);
  if (known !== undefined) return known;
  const compiled = Compile(API[operation].response as TSchema);
  validators.set(operation, compiled);
  return compiled;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw fail('response-invalid', 'The server did not answer with JSON.', { cause });
  }
}

function problemFailure(answer: IncomingMessage, document: unknown): Failure {
  if (!problems.Check(document)) {
    return fail('response-invalid', `The server answered with status ${answer.statusCode} and no problem document.`);
  }
  const { code, kind, detail, advice } = document;
  return new Failure(code, kind, detail, { advice });
}
