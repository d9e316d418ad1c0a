import { passwordMatches } from '@sealift/crypto';
import type { PasswordCheckResource, PasswordResource, Strength } from '@sealift/wire';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { epochsOf } from '../db/password-epochs.ts';
import {
  jobsUsing,
  listPasswords,
  type Password,
  passwordById,
  passwordNamed,
  pointsInDomains,
} from '../db/passwords.ts';
import { changePassword, forgetPassword, makePassword } from '../keys/passwords.ts';
import { recoveryKit } from '../keys/recovery-kit.ts';
import { carriesWraps } from '../keys/rewrap.ts';
import { isoTime } from '../resources/time.ts';
import { creationId } from './creation.ts';
import { serve } from './serve.ts';

export function servePasswords(app: FastifyInstance, context: Context): void {
  const { db } = context;
  // Deriving a hash takes 256 MiB, so one at a time.
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = before.then(work);
    before = turn.catch(() => {});
    return turn;
  };

  serve(app, 'listPasswords', async ({ query }) => {
    const { items, ...next } = await listPasswords(db, query);
    return { items: await Promise.all(items.map((one) => resource(context, one))), ...next };
  });

  serve(app, 'getPassword', async ({ params }) => resource(context, await passwordNamed(db, params.id)));

  serve(app, 'createPassword', async ({ body, request }) => {
    const { password: _, ...asked } = body;
    const id = await creationId(db, request, 'createPassword', asked);
    const present = await passwordById(db, id);
    if (present !== undefined) return await resource(context, present);
    const { made, strength } = await inTurn(() => makePassword(context, id, body));
    return await resource(context, made, strength);
  });

  serve(app, 'checkPassword', async ({ params, body }) => {
    const password = await passwordNamed(db, params.id);
    return await inTurn(() => check(context, password, body.password));
  });

  serve(app, 'rotatePassword', async ({ params, body }) => {
    const password = await passwordNamed(db, params.id);
    const { made, strength } = await inTurn(() => changePassword(context, password, body));
    return await resource(context, made, strength);
  });

  serve(app, 'forgetPassword', async ({ params }) => {
    const password = await passwordNamed(db, params.id);
    // Not beside a rotation, which would leave the hash of the new password behind.
    await inTurn(() => forgetPassword(context, password));
    return await resource(context, await passwordNamed(db, params.id));
  });

  serve(app, 'getRecoveryKit', async ({ params }) => recoveryKit(db, await passwordNamed(db, params.id)));
}

/** Compares with every password it has had, newest first. */
async function check({ db }: Context, password: Password, offered: string): Promise<PasswordCheckResource> {
  for (const { domainId, epoch, descriptor } of await epochsOf(db, password.id)) {
    const passwordHash = await passwordMatches(offered, descriptor);
    if (passwordHash === undefined) continue;
    passwordHash.fill(0);
    const current = domainId === password.domainId && epoch === password.epoch;
    return { matches: true, domainId, epoch, current };
  }
  return { matches: false };
}

async function resource({ db }: Context, password: Password, strength?: Strength): Promise<PasswordResource> {
  const [epochs, jobs, points] = await Promise.all([
    epochsOf(db, password.id),
    jobsUsing(db, password.id),
    pointsInDomains(db, password.id),
  ]);
  const leftBehind = points
    .filter(({ domainId }) => domainId !== password.domainId)
    .map(({ job, points: count }) => ({ job, points: count }));
  const wrapped = epochs[0]?.wrappedHash;
  const inPoints = epochs.some((one) => one.kmsDescriptor !== undefined || carriesWraps(one.descriptor));
  const { createdAt, rotatedAt, ...shown } = password;
  return {
    ...shown,
    epochs: epochs.length,
    jobs,
    leftBehind,
    createdAt: isoTime(createdAt),
    ...(rotatedAt === undefined ? {} : { rotatedAt: isoTime(rotatedAt) }),
    ...(wrapped === undefined ? {} : { kms: { provider: wrapped.provider, keyRef: wrapped.keyRef, inPoints } }),
    ...(strength === undefined ? {} : { strength }),
  };
}
