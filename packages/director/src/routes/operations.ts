import { PRODUCT_VERSION } from '@sealift/core';
import { Problem } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Context } from '../context.ts';

const Status = Type.Object({ status: Type.String(), version: Type.String() });

/** What operators and orchestrators look at; served without a token. */
export function serveOperations(app: FastifyInstance, { db, metrics }: Context): void {
  const status = { status: 'ok', version: PRODUCT_VERSION };
  const common = { tags: ['operations'], security: [] };
  const config = { open: true };

  const healthz = {
    ...common,
    operationId: 'health',
    summary: 'Whether the process is alive',
    response: { 200: Status },
  };
  app.get('/healthz', { config, schema: healthz }, async () => status);

  const readyz = {
    ...common,
    operationId: 'readiness',
    summary: 'Whether requests can be served',
    response: { 200: Status, '5xx': Problem },
  };
  app.get('/readyz', { config, schema: readyz }, async () => {
    await db.get('SELECT 1');
    return status;
  });

  const prometheus = {
    ...common,
    operationId: 'metrics',
    summary: 'Figures in Prometheus text format',
    response: { 200: Type.String() },
  };
  app.get('/metrics', { config, schema: prometheus }, async (_, reply) => {
    const { contentType, body } = await metrics.text();
    reply.type(contentType);
    return body;
  });

  app.get('/api/openapi.json', { config, schema: { hide: true } }, async () => app.swagger());
}
