import type { FastifyInstance, FastifyRequest } from 'fastify';
import { fail } from '../failures.ts';
import type { AdminToken } from '../keys/admin-token.ts';
import type { FailedAttempts } from './failed-attempts.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Served without a bearer token. */
    open?: boolean;
  }
}

/** Demands the bearer token everywhere but on routes marked `open`. The right token is never held up by wrong ones. */
export function requireToken(app: FastifyInstance, token: AdminToken, attempts: FailedAttempts): void {
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.open === true) return;
    const offered = bearerOf(request);
    if (offered !== undefined && token.matches(offered)) return;
    attempts.refuseIfTooMany(request.ip);
    attempts.record(request.ip);
    const what = offered === undefined ? 'carries no bearer token' : 'carries a wrong token';
    throw fail('unauthorized', `The request ${what}.`);
  });
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
}
