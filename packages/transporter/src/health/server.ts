import type { AddressInfo } from 'node:net';
import { toFailure } from '@sealift/core';
import { fastify } from 'fastify';
import { urlHost } from '../config.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must hold before this Transporter is of use. */
export interface Readiness {
  name: string;
  ready: boolean;
  reason?: string;
}

export interface HealthServer extends AsyncDisposable {
  url: string;
}

/** Serves /healthz (the process answers), /readyz (it can do its work, or why not) and /metrics, without a token. */
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
    const ready = checks.every((check) => check.ready);
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
