import { createDomain, describeDomain, uuidText } from '@sealift/crypto';
import type { PasswordResource, RequestPart } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { addPassword, listPasswords, type Password, passwordById, passwordByName } from '../db/passwords.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';
import { wrapContext } from '../tasks/task-keys.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

export function servePasswords(app: FastifyInstance, context: Context): void {
  const { db } = context;
  // Deriving a hash takes 256 MiB, so one at a time.
  let before: Promise<unknown> = Promise.resolve();

  serve(app, 'listPasswords', async ({ query }) => {
    const { items, ...next } = await listPasswords(db, query);
    return { items: items.map(resource), ...next };
  });

  serve(app, 'createPassword', async ({ body, request }) => {
    const { password: _, ...asked } = body;
    const id = await creationId(db, request, 'createPassword', asked);
    const present = await passwordById(db, id);
    if (present !== undefined) return resource(present);
    const creation = before.then(() => create(context, id, body));
    before = creation.catch(() => {});
    return resource(await creation);
  });
}

async function create(
  { db, wrapper, log }: Context,
  id: string,
  { name, password, description }: RequestPart<'createPassword', 'body'>,
): Promise<Password> {
  if ((await passwordByName(db, name)) !== undefined) throw fail('name-taken', `There is a password ${name} already.`);
  const { passwordHash, descriptor } = await createDomain(password);
  try {
    const described = describeDomain(descriptor);
    const domain = { domainId: uuidText(described.domainId), epoch: described.epoch };
    const wrappedHash = await wrapper.wrap(passwordHash, wrapContext(domain));
    const made = { id, name, ...domain, wrappedHash, descriptor, createdAt: Date.now() };
    const stored = description === undefined ? made : { ...made, description };
    await addPassword(db, stored);
    log.info({ password: name, domain: domain.domainId }, 'encryption password made');
    return stored;
  } finally {
    passwordHash.fill(0);
  }
}

function resource({ id, name, description, domainId, epoch, createdAt }: Password): PasswordResource {
  return {
    id,
    name,
    keep: 'hash',
    domainId,
    epoch,
    epochs: 1,
    jobs: [],
    createdAt: isoTime(createdAt),
    ...(description === undefined ? {} : { description }),
  };
}
