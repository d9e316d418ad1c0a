import type { AddressInfo } from 'node:net';
import { toFailure } from '@sealift/core';
import { fastify } from 'fastify';
import { urlHost } from '../config.ts';
import type { Metrics } from './metrics.ts';

/** One thing this Transporter needs. */
export interface Readiness {
  name: string;
  ready: boolean;
  /** Without it this Transporter is of no use at all; else the rest goes on. */
  essential: boolean;
  reason?: string;
}

export interface HealthServer extends AsyncDisposable {
  url: string;
}

/** Serves /healthz (the process answers), /readyz (it can do its work; what it lacks) and /metrics, without a token. */
export async function serveHealth(
  host: string,
  port: number,
  metrics: Metrics,
  readiness: () => Readiness[],
): Promise<HealthServer> {
  const server = fastify({ logger: false, bodyLimit: 1024, forceCloseConnections: true });
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_request, reply) => {
    const checks = readiness();
    const ready = checks.every((check) => check.ready || !check.essential);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', checks });
  });
  server.get('/metrics', async (_request, reply) => {
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  try {
    await server.listen({ host, port });
  } catch (thrown) {
    throw toFailure(thrown);
  }
  const { port: bound } = server.server.address() as AddressInfo;
  return {
    url: `http://${urlHost(host)}:${bound}`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
