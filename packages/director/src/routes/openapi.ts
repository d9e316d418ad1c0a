import swagger from '@fastify/swagger';
import { PRODUCT_VERSION } from '@sealift/core';
import type { FastifyInstance } from 'fastify';

/** Collects the schemas of the routes that are registered after it into the OpenAPI document. */
export async function collectDocumentation(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sealift Director',
        description: 'Encrypted backups: Transporters, repositories, passwords, jobs, runs and recovery points.',
        version: PRODUCT_VERSION,
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
  });
}
