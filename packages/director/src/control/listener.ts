import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { acceptControl, type ControlHandlers, type ControlPeer, tlsRules } from '@sealift/wire';
import type { Context } from '../context.ts';
import { recordLastSeen } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { ServerCertificate } from '../keys/server-certificates.ts';
import { transporterResource } from '../resources/transporter.ts';
import { takeRelay } from '../tasks/downloads.ts';
import { giveChunkKey, givePointKeys } from '../tasks/look-keys.ts';
import { takeProgress, takeResult, takeWarnings } from '../tasks/reports.ts';
import { giveTaskKeys } from '../tasks/task-keys.ts';
import { giveTicket } from '../tasks/ticket.ts';
import { greet } from './hello.ts';
import { renewCertificate } from './renewal.ts';

/** A connection that has not said hello for this long is closed, ms. */
const PATIENCE = 30_000;
/** What a connection may take before it is known who is at its other end. Times in ms. */
const EARLY_LIMITS = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 8192,
} as const;

export interface ControlListener extends AsyncDisposable {
  server: Server;
  /** Stops taking connections and ends those there are. */
  close(): Promise<void>;
}

/** The control channel: TLS with certificates of this Director's authority on both sides, and nothing else. */
export function createControlListener(
  context: Context,
  { key, cert }: ServerCertificate,
  postQuantumOnly: boolean,
): ControlListener {
  const ca = context.authority.certificate;
  const options = {
    ...tlsRules(postQuantumOnly),
    ...EARLY_LIMITS,
    key,
    cert,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  };
  const server = createServer(options, (_, response) => response.writeHead(426, { connection: 'close' }).end());
  const streams = new Set<Socket>();
  server.on('connection', (stream: Socket) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
  });
  const peers = new Set<ControlPeer>();
  acceptControl(
    server,
    {
      authority: ca,
      handlers: handlersOf(context),
      onRelay: (relay) => takeRelay(context, relay),
      onRefused: (failure, address) => context.log.warn({ failure, address }, 'control connection refused'),
    },
    (peer) => {
      peers.add(peer);
      void attend(context, peer).finally(() => peers.delete(peer));
    },
  );
  const close = async () => {
    const stopped = new Promise((resolve) => server.close(resolve));
    await Promise.all([...peers].map((peer) => peer.close()));
    // Those that were still on their way to being peers would keep the server open.
    for (const stream of streams) stream.destroy();
    await stopped;
  };
  return { server, close, [Symbol.asyncDispose]: close };
}

function handlersOf(context: Context): ControlHandlers {
  const { connections } = context;
  return {
    hello: (params, call) => greet(context, params, call),
    'task.progress': (params, { peer }) => takeProgress(context, connections.calling(peer), params),
    'task.warning': (params, { peer }) => takeWarnings(context, connections.calling(peer), params),
    'task.finished': (params, { peer }) => takeResult(context, connections.calling(peer), params),
    'task.keys': (params, { peer }) => giveTaskKeys(context, connections.calling(peer), params),
    'point.keys': (params, { peer }) => givePointKeys(context, connections.calling(peer), params),
    'chunk.key': (params, { peer }) => giveChunkKey(context, connections.calling(peer), params),
    'task.ticket': (params, { peer }) => giveTicket(context, connections.calling(peer), params),
    'certificate.renew': (params, { peer }) => renewCertificate(context, connections.calling(peer), params),
  };
}

/** From the beginning of a connection to its end. */
async function attend(context: Context, peer: ControlPeer): Promise<void> {
  const silence = fail('transporter-unknown', `The Transporter ${peer.peer.id} did not say hello.`);
  const greeting = setTimeout(() => {
    if (!context.connections.all().some((session) => session.peer === peer)) peer.abort(silence);
  }, PATIENCE);
  const failure = await peer.closed;
  clearTimeout(greeting);
  const session = context.connections.leave(peer);
  if (session === undefined || context.signal.aborted) return;
  const { transporter } = session;
  context.log.info({ transporter: transporter.name, failure }, 'disconnected');
  context.events.publish({ type: 'transporter.state', data: transporterResource(context, transporter) });
  await recordLastSeen(context.db, transporter.id, Date.now()).catch((thrown) => {
    context.log.warn({ transporter: transporter.name, failure: thrown }, 'time of last contact not recorded');
  });
}
