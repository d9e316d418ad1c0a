import { API, type Endpoint, type Operation, type Output, Problem, type RequestPart } from '@sealift/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';

/** What a handler is given, validated. */
export interface Call<O extends Operation> {
  params: RequestPart<O, 'params'>;
  query: RequestPart<O, 'query'>;
  body: RequestPart<O, 'body'>;
  request: FastifyRequest;
}

/** Registers one operation of the API: its route, validation and documentation all come from the table. */
export function serve<O extends Operation>(
  app: FastifyInstance,
  operation: O,
  handler: (call: Call<O>) => Promise<Output<O>>,
): void {
  const endpoint: Endpoint = API[operation];
  const status = endpoint.status ?? 200;
  app.route({
    method: endpoint.method,
    url: endpoint.path,
    config: { open: endpoint.open === true },
    schema: documented(operation, endpoint, status),
    handler: async (request, reply) => {
      const { params, query, body } = request as unknown as Call<O>;
      reply.code(status);
      return await handler({ params, query, body, request });
    },
  });
}

function documented(operationId: string, endpoint: Endpoint, status: number) {
  const { tag, summary, params, query, body, response, open } = endpoint;
  const parts: { params?: TSchema; querystring?: TSchema; body?: TSchema } = {};
  if (params !== undefined) parts.params = params;
  if (query !== undefined) parts.querystring = query;
  if (body !== undefined) parts.body = body;
  const security = open === true ? [] : [{ bearer: [] }];
  return {
    operationId,
    tags: [tag],
    summary,
    security,
    ...parts,
    response: { [status]: response, '4xx': Problem, '5xx': Problem },
  };
}
