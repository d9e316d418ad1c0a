import type { AdoptionResource, RepositoryResource, RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { adoptRepository } from '../adopt/adopt-repository.ts';
import type { Context } from '../context.ts';
import { authoritiesOf } from '../db/authorities.ts';
import { chainsIn, pointsByAuthority } from '../db/recorded-points.ts';
import {
  addRepository,
  listRepositories,
  type Repository,
  repositoryById,
  repositoryByName,
  repositoryNamed,
} from '../db/repositories.ts';
import { transporterNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';
import { lengthenLock } from '../retention/lengthen-lock.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

/** How long a target may take to make a repository, ms. */
const PATIENCE = 60_000;

export function serveRepositories(app: FastifyInstance, context: Context): void {
  const { db, connections } = context;

  serve(app, 'listRepositories', async ({ query }) => {
    const { items, ...next } = await listRepositories(db, query);
    return { items: items.map((repository) => resource(context, repository)), ...next };
  });

  serve(app, 'getRepository', async ({ params }) => {
    const repository = await repositoryNamed(db, params.id);
    const target = connections.of(repository.transporterId);
    if (target !== undefined) await context.repositories.refresh(target, repository);
    return resource(context, repository);
  });

  serve(app, 'lockRepository', async ({ params, body }) => {
    const { id } = await repositoryNamed(db, params.id);
    await lengthenLock(context, id, body.days);
    return resource(context, await repositoryNamed(db, id));
  });

  serve(app, 'createRepository', async ({ body, request }) => {
    const id = await creationId(db, request, 'createRepository', body);
    const repository = (await repositoryById(db, id)) ?? (await create(context, id, body));
    return resource(context, repository);
  });

  serve(app, 'adoptRepository', async ({ body }) => adopt(context, body));

  serve(app, 'compareRepository', async ({ params }) => {
    return await context.comparisons.compare(await repositoryNamed(db, params.id));
  });
}

async function adopt(context: Context, body: RequestPart<'adoptRepository', 'body'>): Promise<AdoptionResource> {
  const { db, signal } = context;
  const { repository, ...tally } = await adoptRepository(context, body, signal);
  const [chains, authorities, points] = await Promise.all([
    chainsIn(db, repository.id),
    authoritiesOf(db, repository.id),
    pointsByAuthority(db, repository.id),
  ]);
  return {
    repository: resource(context, repository),
    ...tally,
    jobs: chains,
    authorities: authorities.map(({ fingerprint, given }) => {
      return { fingerprint, given, points: points.get(fingerprint) ?? 0 };
    }),
  };
}

async function create(
  context: Context,
  id: string,
  body: RequestPart<'createRepository', 'body'>,
): Promise<Repository> {
  const { db, connections, log } = context;
  const { name, path } = body;
  if ((await repositoryByName(db, name)) !== undefined) throw taken(name);
  const transporter = await transporterNamed(db, body.transporter);
  if (transporter.role !== 'target') {
    throw fail('role-unfit', `${transporter.name} is a ${transporter.role}; repositories live at targets.`);
  }
  const { peer } = connections.required(transporter);
  const params = { repositoryId: id, name, path };
  const made = await peer.call('repository.create', params, AbortSignal.timeout(PATIENCE));
  const repository = { id: made.repositoryId, name, transporterId: transporter.id, path, createdAt: Date.now() };
  await addRepository(db, repository);
  context.repositories.opened(repository.id, made.stats);
  log.info({ repository: name, transporter: transporter.name }, 'repository made');
  if (body.immutableDays !== undefined) await lengthenLock(context, repository.id, body.immutableDays);
  context.wakeDispatcher();
  return await repositoryNamed(db, repository.id);
}

function taken(name: string) {
  return fail('name-taken', `There is a repository ${name} already.`);
}

function resource({ repositories }: Context, r: Repository): RepositoryResource {
  const stats = repositories.of(r.id)?.stats;
  return {
    id: r.id,
    name: r.name,
    transporter: { id: r.transporterId, name: r.transporterName },
    path: r.path,
    ...(r.immutableDays === undefined ? {} : { immutableDays: r.immutableDays }),
    createdAt: isoTime(r.createdAt),
    ...(stats === undefined ? {} : { stats }),
  };
}
