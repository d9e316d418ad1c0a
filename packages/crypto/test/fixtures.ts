import { type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { Failure } from '@sealift/core';
import {
  type Authority,
  createAuthority,
  createKeyAndRequest,
  createTicketKey,
  type Identity,
  type MessageChannel,
  parseCertificate,
  signTicket,
  type TicketGrant,
} from '../src/index.ts';

export async function enrol(authority: Authority, role: string): Promise<Identity> {
  const { privateKey, request } = await createKeyAndRequest();
  const id = randomUUID();
  const certificate = await authority.issueTransporter(request, id, role);
  return { id, privateKey, certificate, authority: authority.certificate };
}

export interface Deployment {
  authority: Authority;
  source: Identity;
  target: Identity;
  ticketKey: { privateKey: KeyObject; publicKey: KeyObject };
}

export async function deployment(): Promise<Deployment> {
  const authority = await createAuthority();
  const [source, target] = [await enrol(authority, 'source'), await enrol(authority, 'target')];
  return { authority, source, target, ticketKey: createTicketKey() };
}

export function grantFor(source: Identity, target: Identity, change: Partial<TicketGrant> = {}): TicketGrant {
  const issued = Date.now();
  return {
    jti: randomUUID(),
    issued,
    expires: issued + 5 * 60_000,
    longestDuration: 3_600_000,
    jobId: randomUUID(),
    runId: randomUUID(),
    sourceKeyHash: parseCertificate(source.certificate).publicKeyHash,
    targetKeyHash: parseCertificate(target.certificate).publicKeyHash,
    repositoryId: randomUUID(),
    mode: 'in-flight',
    rights: ['append', 'read'],
    ...change,
  };
}

export function ticketFor(d: Deployment, change: Partial<TicketGrant> = {}): Buffer {
  return signTicket(d.ticketKey.privateKey, grantFor(d.source, d.target, change));
}

/** Two ends of a message channel; messages pass through `tamper`, and closing either end wakes both. */
export function channelPair(tamper: (message: Buffer, number: number) => Buffer = (message) => message) {
  let passed = 0;
  const [toTarget, toSource] = [mailbox(), mailbox()];
  const end = (inbox: ReturnType<typeof mailbox>, outbox: ReturnType<typeof mailbox>): MessageChannel => ({
    send: async (message) => {
      passed += 1;
      outbox.put(tamper(Buffer.from(message), passed));
    },
    receive: () => inbox.take(),
  });
  const close = () => {
    toTarget.close();
    toSource.close();
  };
  return { source: end(toSource, toTarget), target: end(toTarget, toSource), close };
}

function mailbox() {
  const messages: Buffer[] = [];
  let closed = false;
  let wake: (() => void) | undefined;
  const take = async (): Promise<Buffer> => {
    for (;;) {
      const message = messages.shift();
      if (message !== undefined) return message;
      if (closed) throw new Failure('disconnected', 'retry', 'The channel was closed.');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    take,
    put: (message: Buffer) => {
      messages.push(message);
      wake?.();
    },
    close: () => {
      closed = true;
      wake?.();
    },
  };
}

export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return thrown instanceof Failure ? thrown.code : `not a Failure: ${String(thrown)}`;
  }
  return 'no failure';
}

export async function codeOfAsync(action: Promise<unknown>): Promise<string> {
  const thrown: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason ?? 'undefined',
  );
  if (thrown === undefined) return 'no failure';
  return thrown instanceof Failure ? thrown.code : `not a Failure: ${String(thrown)}`;
}

export function flip(bytes: Buffer, position: number, mask = 1): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(position) ^ mask, position);
  return flipped;
}

export { randomBytes };
