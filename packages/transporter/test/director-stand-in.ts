import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  createKeyAndRequest,
  createTicketKey,
  type Identity,
  parseCertificate,
  signTicket,
  type TicketGrant,
} from '@sealift/crypto';
import { acceptControl, CONTROL_TLS, type ControlHandlers, type ControlPeer } from '@sealift/wire';
import type { TransporterConfig, TransporterRole } from '../src/config.ts';
import { storeIdentity, storeKey } from '../src/identity/stored-identity.ts';
import { openDataFolder } from '../src/storage/data-folder.ts';

const HOUR = 60 * 60 * 1000;

/** The other end of a control connection, with an authority and a ticket key of its own, for tests without a Director. */
export class DirectorStandIn implements AsyncDisposable {
  readonly authority: Authority;
  readonly handlers: ControlHandlers;
  readonly #server: Server;
  readonly #ticketKey = createTicketKey();
  readonly #identities = new Map<TransporterRole, Identity>();
  readonly #peers = new Map<string, ControlPeer>();
  readonly #waiting = new Map<string, (peer: ControlPeer) => void>();

  private constructor(authority: Authority, server: Server, handlers: ControlHandlers) {
    this.authority = authority;
    this.#server = server;
    const ticketKeys = [this.#ticketKey.publicKey.export({ type: 'spki', format: 'der' })];
    const hello = () => ({ directorId: randomUUID(), ticketKeys, now: Date.now() });
    this.handlers = { hello, ...handlers };
  }

  static async start(handlers: ControlHandlers = {}): Promise<DirectorStandIn> {
    const authority = await createAuthority();
    const { key, certificate } = await authority.issueServer(['127.0.0.1'], 1);
    const tls = { ...CONTROL_TLS, key, cert: certificate, ca: authority.certificate, requestCert: true };
    const server = createServer({ ...tls, rejectUnauthorized: true });
    const standIn = new DirectorStandIn(authority, server, handlers);
    const accepted = { authority: authority.certificate, handlers: standIn.handlers };
    acceptControl(server, accepted, (peer) => standIn.#welcome(peer));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return standIn;
  }

  get controlUrl(): string {
    return `wss://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** An identity as enrolment would give it. */
  async identity(role: TransporterRole): Promise<Identity> {
    const id = randomUUID();
    const { privateKey, request } = await createKeyAndRequest();
    const certificate = await this.authority.issueTransporter(request, id, role);
    return { id, privateKey, certificate, authority: this.authority.certificate };
  }

  /** A configuration whose data directory holds an identity, as after an enrolment. */
  async enrolled(parent: string, role: TransporterRole): Promise<{ config: TransporterConfig; identity: Identity }> {
    const data = join(parent, role);
    const folder = await openDataFolder(data);
    const identity = await this.identity(role);
    const keyFile = await storeKey(folder, identity.privateKey);
    this.#identities.set(role, identity);
    await storeIdentity(folder, { identity, name: role, role, controlUrl: this.controlUrl, keyFile });
    const listen = { dataHost: '127.0.0.1', dataPort: 0, healthPort: 0, workers: 1 };
    return { config: { name: role, role, data, logLevel: 'silent', ...listen }, identity };
  }

  /** The identity that `enrolled` made for this role. */
  identityOf(role: TransporterRole): Identity {
    return this.#identities.get(role) as Identity;
  }

  /** The control connection of this Transporter, once it is there. */
  async peer(id: string): Promise<ControlPeer> {
    const { promise, resolve } = Promise.withResolvers<ControlPeer>();
    const present = this.#peers.get(id);
    if (present !== undefined) return present;
    this.#waiting.set(id, resolve);
    return promise;
  }

  ticket(source: Identity, target: Identity, grant: Partial<TicketGrant> & { repositoryId: string }): Buffer {
    return signTicket(this.#ticketKey.privateKey, {
      jti: randomUUID(),
      issued: Date.now(),
      expires: Date.now() + 60_000,
      longestDuration: HOUR,
      jobId: randomUUID(),
      runId: randomUUID(),
      sourceKeyHash: parseCertificate(source.certificate).publicKeyHash,
      targetKeyHash: parseCertificate(target.certificate).publicKeyHash,
      mode: 'in-flight',
      rights: ['append', 'read'],
      ...grant,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #welcome(peer: ControlPeer): void {
    const { id } = peer.peer;
    this.#peers.set(id, peer);
    void peer.closed.then(() => {
      if (this.#peers.get(id) === peer) this.#peers.delete(id);
    });
    this.#waiting.get(id)?.(peer);
    this.#waiting.delete(id);
  }
}
