import type { AdoptionResource, KeySlot, Params, RepositoryKeys, RequestPart, SlotRequest } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import { adoptRepository } from '../adopt/adopt-repository.ts';
import type { Context } from '../context.ts';
import { authoritiesOf } from '../db/authorities.ts';
import { recordSlot } from '../db/key-slots.ts';
import { chainsIn, pointsByAuthority } from '../db/recorded-points.ts';
import {
  addRepository,
  listRepositories,
  type Repository,
  repositoryById,
  repositoryByName,
  repositoryNamed,
} from '../db/repositories.ts';
import { keepSlotKey } from '../db/repository-keys.ts';
import { targetNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';
import { moveRepository } from '../inventory/move-repository.ts';
import { firstSlotId, makeSlot, sealForTarget } from '../keys/repository-slots.ts';
import { repositoryResource } from '../resources/repository.ts';
import { lengthenLock } from '../retention/lengthen-lock.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

/** How long a target may take to make a repository, ms. */
const PATIENCE = 60_000;

export function serveRepositories(app: FastifyInstance, context: Context): void {
  const { db, connections } = context;

  serve(app, 'listRepositories', async ({ query }) => {
    const { items, ...next } = await listRepositories(db, query);
    return { items: await Promise.all(items.map((one) => repositoryResource(context, one))), ...next };
  });

  serve(app, 'getRepository', async ({ params }) => {
    const repository = await repositoryNamed(db, params.id);
    const target = connections.of(repository.transporterId);
    if (target !== undefined) await context.repositories.refresh(target, repository);
    return await repositoryResource(context, repository);
  });

  serve(app, 'lockRepository', async ({ params, body }) => {
    const { id } = await repositoryNamed(db, params.id);
    await lengthenLock(context, id, body.days);
    return await repositoryResource(context, await repositoryNamed(db, id));
  });

  serve(app, 'createRepository', async ({ body, request }) => {
    const { encryption, ...asked } = body;
    const id = await creationId(db, request, 'createRepository', { ...asked, encryption: encryption?.kind });
    const repository = (await repositoryById(db, id)) ?? (await create(context, id, body));
    return await repositoryResource(context, repository);
  });

  serve(app, 'adoptRepository', async ({ body }) => adopt(context, body));

  serve(app, 'moveRepository', async ({ params, body }) => {
    return await repositoryResource(context, await moveRepository(context, params.id, body, context.signal));
  });

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
    repository: await repositoryResource(context, repository),
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
  const transporter = await targetNamed(db, body.transporter);
  const session = connections.required(transporter);
  const { kept, made } = await makeAtTarget(context, session, { repositoryId: id, name, path }, body.encryption);
  const repository = { id: made.repositoryId, name, transporterId: transporter.id, path, createdAt: Date.now() };
  await addRepository(db, repository);
  for (const slot of made.keys?.slots ?? []) await recordSlot(db, repository.id, slot);
  if (kept !== undefined) await keepSlotKey(db, { repositoryId: repository.id, ...kept });
  context.repositories.opened(repository.id, made);
  log.info({ repository: name, transporter: transporter.name }, 'repository made');
  if (body.immutableDays !== undefined) await lengthenLock(context, repository.id, body.immutableDays);
  context.wakeDispatcher();
  return await repositoryNamed(db, repository.id);
}

async function makeAtTarget(
  context: Context,
  session: Session,
  params: { repositoryId: string; name: string; path: string },
  request: SlotRequest | undefined,
) {
  const create = (encryption: Partial<Params<'repository.create'>>) =>
    session.peer.call('repository.create', { ...params, ...encryption }, AbortSignal.timeout(PATIENCE));
  if (request === undefined) {
    const made = await create({});
    refuseOther(params.path, made.keys, undefined);
    return { made };
  }
  const { slot, slotKey, kept } = await makeSlot(context, params.name, request, firstSlotId(params.repositoryId));
  try {
    const made = await create({ encryption: { slot, ...(await sealForTarget(session, slotKey)) } });
    refuseOther(params.path, made.keys, slot);
    return { made, ...(kept === undefined ? {} : { kept: { slotId: slot.slotId, wrapped: kept } }) };
  } finally {
    slotKey.fill(0);
  }
}

/** A folder may hold a repository already: without encryption, with that of others, or of an earlier attempt. */
function refuseOther(path: string, keys: RepositoryKeys | undefined, asked: KeySlot | undefined): void {
  if (asked === undefined && keys === undefined) return;
  if (asked === undefined) {
    throw fail('repository-conflict', `${path} holds a repository that is encrypted at rest; none such was asked for.`);
  }
  if (keys === undefined) {
    throw fail('repository-conflict', `${path} holds a repository that is not encrypted at rest.`);
  }
  const [slot, ...more] = keys.slots;
  if (slot?.slotId !== asked.slotId || slot.kind !== asked.kind || more.length > 0) {
    throw fail('repository-conflict', `${path} holds a repository that is encrypted at rest with other keys.`);
  }
  if (isSameSlot(slot, asked)) return;
  throw fail(
    'repository-conflict',
    `${path} holds a repository that an earlier attempt made: its key is not that of this request.`,
    { advice: 'Empty that folder and create it again, or take it over with its key: sealift repository adopt.' },
  );
}

/** The salt of a password and what a service wrapped are new with each attempt. */
function isSameSlot(told: KeySlot, asked: KeySlot): boolean {
  if (asked.kdf !== undefined) return told.kdf?.salt.equals(asked.kdf.salt) === true;
  if (asked.kms !== undefined) return told.kms?.ciphertext.equals(asked.kms.ciphertext) === true;
  return true;
}

function taken(name: string) {
  return fail('name-taken', `There is a repository ${name} already.`);
}
