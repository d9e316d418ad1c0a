import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { tlsRulesOfRest } from '@sealift/wire';
import { type FastifyInstance, fastify } from 'fastify';
import type { Context } from '../context.ts';
import type { AdminToken } from '../keys/admin-token.ts';
import type { ServerCertificate } from '../keys/server-certificates.ts';
import { requireToken } from './authorization.ts';
import { serveCopies } from './copies.ts';
import { serveEnrolment } from './enrol.ts';
import { serveEvents } from './events.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { serveJobs } from './jobs.ts';
import { serveKeptPoints } from './kept-points.ts';
import { serveKms } from './kms.ts';
import { serveLooks } from './looks.ts';
import { collectDocumentation } from './openapi.ts';
import { serveOperations } from './operations.ts';
import { servePasswords } from './passwords.ts';
import { servePoints } from './points.ts';
import { answerProblems } from './problems.ts';
import { serveRepositories } from './repositories.ts';
import { serveRepositoryKeys } from './repository-keys.ts';
import { serveRetention } from './retention.ts';
import { serveRuns } from './runs.ts';
import { serveTransporters } from './transporters.ts';
import { serveTrust } from './trust.ts';
import { serveUpkeep } from './upkeep.ts';

/** Longest request, in bytes. */
const MAX_REQUEST = 256 * 1024;

/** The REST API over HTTPS, not listening yet. */
export async function createApi(
  context: Context,
  o: { certificate: ServerCertificate; token: AdminToken; controlUrl: () => string; postQuantumOnly: boolean },
): Promise<FastifyInstance> {
  const { key, cert } = o.certificate;
  const app = fastify({
    https: { ...tlsRulesOfRest(o.postQuantumOnly), key, cert },
    bodyLimit: MAX_REQUEST,
    requestTimeout: 60_000,
    forceCloseConnections: true,
    // Requests are logged where something is decided about them; bodies and headers never are.
    logger: false,
  }) as unknown as FastifyInstance;
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.removeContentTypeParser('text/plain');
  const attempts = new FailedAttempts();
  answerProblems(app, context.log);
  requireToken(app, o.token, attempts);
  await collectDocumentation(app);
  serveEnrolment(app, context, { attempts, controlUrl: o.controlUrl });
  serveTransporters(app, context);
  serveRepositories(app, context);
  serveRepositoryKeys(app, context);
  serveUpkeep(app, context);
  serveCopies(app, context);
  servePasswords(app, context);
  serveKms(app, context);
  serveJobs(app, context);
  serveRuns(app, context);
  servePoints(app, context);
  serveLooks(app, context);
  serveRetention(app, context);
  serveKeptPoints(app, context);
  serveTrust(app, context);
  serveEvents(app, context);
  serveOperations(app, context);
  return app;
}
