import { Failure, toFailure } from '@sealift/core';
import type { Problem } from '@sealift/wire';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';

const STATUS_OF_CODE: Record<string, number> = {
  unauthorized: 401,
  'token-invalid': 403,
  'token-used': 403,
  'token-expired': 403,
  'token-misdirected': 403,
  'too-many-attempts': 429,
  'not-found': 404,
  'request-invalid': 400,
  'name-taken': 409,
  'run-queued': 409,
  'run-ended': 409,
  'idempotency-key-reused': 409,
};

const STATUS_OF_KIND = { retry: 503, refused: 422, corrupt: 500, bug: 500 } as const;

/** Answers failures with problem documents (RFC 9457). */
export function answerProblems(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { failure, status } = understood(error);
    const route = request.routeOptions.url;
    if (status >= 500) log.warn({ failure, cause: failure.cause, method: request.method, route }, 'request failed');
    else log.debug({ code: failure.code, method: request.method, route }, 'request refused');
    sendProblem(reply, failure, status);
  });
  app.setNotFoundHandler((request: FastifyRequest, reply) => {
    sendProblem(reply, fail('not-found', `There is no ${request.method} ${request.url.split('?')[0]}.`), 404);
  });
}

function understood(error: FastifyError): { failure: Failure; status: number } {
  if (error instanceof Failure) return { failure: error, status: statusOf(error) };
  if (error.validation !== undefined) {
    const [first] = error.validation;
    const where = `${error.validationContext ?? 'request'}${first?.instancePath ?? ''}`;
    return { failure: fail('request-invalid', `${where}: ${first?.message ?? 'refused'}.`), status: 400 };
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return { failure: fail('request-invalid', error.message), status: error.statusCode };
  }
  const { code, kind, advice } = toFailure(error);
  const message = kind === 'bug' ? 'Something went wrong inside the Director; its log says more.' : error.message;
  const failure = new Failure(code, kind, message, { advice, cause: error });
  return { failure, status: statusOf(failure) };
}

function statusOf(failure: Failure): number {
  return STATUS_OF_CODE[failure.code] ?? STATUS_OF_KIND[failure.kind];
}

function sendProblem(reply: FastifyReply, failure: Failure, status: number): void {
  const { code, kind, message, advice } = failure;
  const problem: Problem = {
    type: `urn:sealift:failure:${code}`,
    title: code.replaceAll('-', ' '),
    status,
    code,
    kind,
    detail: message,
    advice,
  };
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 429) reply.header('retry-after', '60');
  reply.code(status).header('content-type', 'application/problem+json').serializer(JSON.stringify).send(problem);
}
