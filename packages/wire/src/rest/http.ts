import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { checkServerIdentity as checkHostName, type PeerCertificate } from 'node:tls';
import { type Failure, toFailure } from '@sealift/core';
import { parseCertificate } from '@sealift/crypto';
import { DIRECTOR_ROLE } from '../control/channel.ts';
import { keyExchangeRefused, troubleOf } from '../dial-trouble.ts';
import { fail } from '../failures.ts';
import { tlsRulesOfRest } from '../tls.ts';

/** Longest answer read, in bytes. */
const MAX_ANSWER = 16 * 1024 * 1024;
/** Silence after which an exchange is given up, ms. Making a repository or a password takes its time. */
const SILENCE = 120_000;

export interface Exchange {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body?: Buffer;
}

/** One request over TLS to a server that `ca` certifies (PEM; the system's authorities when left out). */
export class HttpsSender {
  readonly #agent: Agent;

  constructor(ca: string | undefined, postQuantumOnly?: boolean) {
    const trust = ca === undefined ? {} : { ca, checkServerIdentity };
    this.#agent = new Agent({ keepAlive: true, ...tlsRulesOfRest(postQuantumOnly), ...trust });
  }

  /** Resolves when the head of the answer is there. */
  send(exchange: Exchange, signal?: AbortSignal): Promise<IncomingMessage> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { method, url, headers, body } = exchange;
    const sent = request(url, { method, headers, agent: this.#agent, ...(signal === undefined ? {} : { signal }) });
    sent.setTimeout(SILENCE, () => sent.destroy(new Error(`no answer within ${SILENCE / 1000} s`)));
    sent.once('response', resolve);
    sent.on('error', (error) => reject(signal?.aborted === true ? signal.reason : sendFailure(url, error)));
    sent.end(body);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/**
 * Under an authority that was named to us, its Director may be reached by any name or address: its certificate says
 * what it is. A Transporter's certificate says so too and names no host, so it passes neither check.
 */
function checkServerIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  return isDirector(certificate) ? undefined : checkHostName(host, certificate);
}

function isDirector({ raw }: PeerCertificate): boolean {
  try {
    return parseCertificate(raw).role === DIRECTOR_ROLE;
  } catch {
    return false;
  }
}

export async function readAnswer(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > MAX_ANSWER) throw fail('message-too-large', `The answer takes more than ${MAX_ANSWER} bytes.`);
      parts.push(part);
    }
  } catch (thrown) {
    answer.destroy();
    throw cutOff(thrown);
  }
  return Buffer.concat(parts);
}

/** The body of an answer of any length, as it comes. */
export async function* answerBytes(answer: IncomingMessage): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (thrown) {
    throw cutOff(thrown);
  } finally {
    answer.destroy();
  }
}

export function cutOff(thrown: unknown): Failure {
  const failure = toFailure(thrown);
  if (failure.kind !== 'bug') return failure;
  return fail('disconnected', `The connection to the Director broke: ${failure.message}.`, { cause: thrown });
}

function sendFailure(url: URL, error: Error & { code?: string }): Failure {
  if (error.code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return fail('wrong-peer', `The certificate of ${url.host} is made out to other names: ${error.message}.`, {
      advice: `Use a name the Director has, or add ${url.hostname} to the names in its configuration.`,
      cause: error,
    });
  }
  const trouble = troubleOf(error);
  if (trouble === 'key-exchange') return keyExchangeRefused(url.host, error);
  if (trouble !== undefined) {
    return fail('certificate-refused', `The certificate of ${url.host} is not trusted: ${error.message}.`, {
      advice: "Give the certificate of your own Director's authority (ca.pem in its data folder).",
      cause: error,
    });
  }
  return fail('unreachable', `The Director at ${url.host} does not answer: ${error.message}.`, { cause: error });
}
