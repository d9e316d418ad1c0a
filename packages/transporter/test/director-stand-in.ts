import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
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
import { acceptControl, type ControlHandlers, type ControlPeer, type EnrolmentResource, tlsRules } from '@sealift/wire';
import type { TransporterConfig, TransporterRole } from '../src/config.ts';
import { storeIdentity, storeKey } from '../src/identity/stored-identity.ts';
import { openDataFolder } from '../src/storage/data-folder.ts';

const HOUR = 60 * 60 * 1000;

/** The other end of a control connection, with an authority and a ticket key of its own, for tests without a Director. */
export class DirectorStandIn implements AsyncDisposable {
  readonly authority: Authority;
  readonly handlers: ControlHandlers;
  /** Told of each enrolment before it is answered; may alter the answer, or throw to leave it unanswered. */
  onEnrol: (answer: EnrolmentResource) => Promise<EnrolmentResource> = async (answer) => answer;
  /** Serials it names in each greeting. */
  revoked: string[] = [];
  /** Jobs it names in each greeting, if it does. */
  jobs: string[] | undefined;
  readonly #server: Server;
  readonly #ticketKey = createTicketKey();
  readonly #identities = new Map<TransporterRole, Identity>();
  readonly #peers = new Map<string, ControlPeer>();
  readonly #waiting = new Map<string, (peer: ControlPeer) => void>();

  private constructor(authority: Authority, server: Server, handlers: ControlHandlers) {
    this.authority = authority;
    this.#server = server;
    const ticketKeys = [this.#ticketKey.publicKey.export({ type: 'spki', format: 'der' })];
    const hello = () => ({
      directorId: randomUUID(),
      ticketKeys,
      now: Date.now(),
      revoked: this.revoked,
      ...(this.jobs === undefined ? {} : { jobs: this.jobs }),
    });
    this.handlers = { hello, ...handlers };
  }

  static async start(handlers: ControlHandlers = {}): Promise<DirectorStandIn> {
    const authority = await createAuthority();
    const { key, certificate } = await authority.issueServer(['127.0.0.1'], 1);
    const tls = {
      ...tlsRules(),
      key,
      cert: `${certificate}\n${authority.certificate}`,
      ca: authority.certificate,
      requestCert: true,
    };
    const server = createServer({ ...tls, rejectUnauthorized: false });
    const standIn = new DirectorStandIn(authority, server, handlers);
    server.on('request', (request, response) => void standIn.#admit(request, response));
    const accepted = { authority: authority.certificate, handlers: standIn.handlers };
    acceptControl(server, accepted, (peer) => standIn.#welcome(peer));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return standIn;
  }

  get controlUrl(): string {
    return `wss://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get restUrl(): string {
    return this.controlUrl.replace('wss:', 'https:');
  }

  /** An identity as enrolment would give it. */
  async identity(role: TransporterRole, days = 14): Promise<Identity> {
    const id = randomUUID();
    const { privateKey, request } = await createKeyAndRequest();
    const certificate = await this.authority.issueTransporter(request, id, role, days);
    return { id, privateKey, certificate, authority: this.authority.certificate };
  }

  /** A configuration whose data directory holds an identity, as after an enrolment. */
  async enrolled(parent: string, role: TransporterRole, days = 14) {
    const data = join(parent, role);
    const folder = await openDataFolder(data);
    const identity = await this.identity(role, days);
    const keyFile = await storeKey(folder, identity.privateKey);
    this.#identities.set(role, identity);
    await storeIdentity(folder, { identity, name: role, role, controlUrl: this.controlUrl, keyFile });
    const listen = { dataHost: '127.0.0.1', dataPort: 0, healthPort: 0, workers: 1 };
    const config: TransporterConfig = { name: role, role, data, logLevel: 'silent', ...listen };
    return { config, identity };
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

  /** Answers `enrol`; every token is good here. */
  async #admit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = JSON.parse((await buffer(request)).toString());
      const id = randomUUID();
      const role = body.name as TransporterRole;
      const certificate = await this.authority.issueTransporter(body.request, id, role);
      const { controlUrl, authority } = this;
      const granted = { id, name: body.name, role, certificate, authority: authority.certificate, controlUrl };
      const answer = await this.onEnrol(granted);
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } catch {
      request.socket.destroy();
    }
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
