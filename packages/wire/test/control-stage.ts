import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Authority, createAuthority, createKeyAndRequest, type Identity } from '@sealift/crypto';
import {
  type AcceptControlOptions,
  acceptControl,
  type ControlHandlers,
  type ControlPeer,
  tlsRules,
} from '../src/index.ts';

/** The control listener of a Director, and Transporters enrolled with its authority. */
export interface ControlStage extends AsyncDisposable {
  url: string;
  authority: Authority;
  /** Connections accepted so far, in their order. */
  peers: ControlPeer[];
  enrol(): Promise<Identity>;
  /** The connection of that number, as soon as it is there. */
  peer(number: number): Promise<ControlPeer>;
}

export async function openControl(
  handlers: ControlHandlers,
  o: {
    certificate?: (authority: Authority) => Promise<{ key: string; certificate: string }>;
    postQuantumOnly?: boolean;
    /** Instead of the groups of the rules. */
    ecdhCurve?: string;
  } & Partial<AcceptControlOptions> = {},
): Promise<ControlStage> {
  const authority = await createAuthority();
  const issue = o.certificate ?? ((issuer: Authority) => issuer.issueServer(['localhost'], 1));
  const { key, certificate } = await issue(authority);
  const ca = authority.certificate;
  const rules = { ...tlsRules(o.postQuantumOnly), ...(o.ecdhCurve === undefined ? {} : { ecdhCurve: o.ecdhCurve }) };
  const server = createServer({ ...rules, key, cert: certificate, ca, requestCert: true });
  const peers: ControlPeer[] = [];
  const waiting: (() => void)[] = [];
  acceptControl(server, { ...o, authority: ca, handlers }, (peer) => {
    peers.push(peer);
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `wss://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authority,
    peers,
    enrol: () => enrolWith(authority),
    peer: async (number) => {
      while (peers.length <= number) await new Promise<void>((resolve) => waiting.push(resolve));
      return peers[number] as ControlPeer;
    },
    [Symbol.asyncDispose]: () => shut(server, peers),
  };
}

export async function enrolWith(authority: Authority): Promise<Identity> {
  const { privateKey, request } = await createKeyAndRequest();
  const id = randomUUID();
  const certificate = await authority.issueTransporter(request, id, 'source');
  return { id, privateKey, certificate, authority: authority.certificate };
}

async function shut(server: Server, peers: ControlPeer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.close()));
  server.closeAllConnections();
  server.close();
}
