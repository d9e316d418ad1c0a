import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  createAuthority,
  createKeyAndRequest,
  createTicketKey,
  type Identity,
  parseCertificate,
  signTicket,
} from '@sealift/crypto';
import { type Link, type LinkListener, type ListenOptions, listenForLinks } from '../src/index.ts';

/** An authority with its tickets, and Transporters enrolled with it. */
export interface Installation {
  enrol(days?: number): Promise<Identity>;
  /** A ticket for one connection from `source` to `target`. */
  ticket(source: Identity, target: Identity): Buffer;
  listen(identity: Identity, onLink: (link: Link) => void, more?: Partial<ListenOptions>): Promise<LinkListener>;
  authority: string;
}

export async function install(): Promise<Installation> {
  const authority = await createAuthority();
  const ticketKey = createTicketKey();
  const enrol = async (days?: number) => {
    const { privateKey, request } = await createKeyAndRequest();
    const id = randomUUID();
    const certificate = await authority.issueTransporter(request, id, 'source', days);
    return { id, privateKey, certificate, authority: authority.certificate };
  };
  const ticket = (source: Identity, target: Identity) => {
    const now = Date.now();
    return signTicket(ticketKey.privateKey, {
      jti: randomUUID(),
      issued: now,
      expires: now + 60_000,
      longestDuration: 3_600_000,
      jobId: randomUUID(),
      runId: randomUUID(),
      sourceKeyHash: parseCertificate(source.certificate).publicKeyHash,
      targetKeyHash: parseCertificate(target.certificate).publicKeyHash,
      repositoryId: randomUUID(),
      mode: 'in-flight',
      rights: ['append'],
    });
  };
  const listen = (identity: Identity, onLink: (link: Link) => void, more: Partial<ListenOptions> = {}) =>
    listenForLinks(
      {
        host: '127.0.0.1',
        port: 0,
        identity,
        ticketKeys: () => [ticketKey.publicKey],
        useTicket: () => {},
        ...more,
      },
      onLink,
    );
  return { enrol, ticket, listen, authority: authority.certificate };
}

/** A TCP relay to 127.0.0.1:`port`; `onConnection` joins the two sockets. */
export async function relay(
  port: number,
  onConnection: (near: Socket, far: Socket) => void,
): Promise<{ port: number; cut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    onConnection(near, far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const close = () => {
    cut();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, cut, close };
}

/** Sends every message back, ends when the peer ends. */
export async function echo(link: Link): Promise<void> {
  await using held = link;
  for await (const { kind, payload } of held.messages()) await held.send(kind, [payload]);
  await held.end();
}
