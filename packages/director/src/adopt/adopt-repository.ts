import { parseAuthority } from '@sealift/crypto';
import type { RequestPart } from '@sealift/wire';
import type { Context } from '../context.ts';
import { addAuthority, authoritiesOf, type KnownAuthority } from '../db/authorities.ts';
import { addRepository, type Repository, repositoryById, repositoryByName } from '../db/repositories.ts';
import { type Transporter, targetNamed } from '../db/transporters.ts';
import { fail } from '../failures.ts';
import { LONGEST_OPENING } from '../inventory/open-repositories.ts';
import { unlockUnasked } from '../keys/unlock-repository.ts';
import { recordPoints, type Tally } from './record-points.ts';
import { shownPoints } from './shown-points.ts';

export interface Adoption extends Tally {
  repository: Repository;
}

type Wanted = RequestPart<'adoptRepository', 'body'>;

/**
 * Takes over a repository that another Director had: its target opens it and shows its recovery points, and those that
 * can be answered for are recorded. Asked again it goes on where it was, and records what has come since.
 */
export async function adoptRepository(context: Context, wanted: Wanted, signal: AbortSignal): Promise<Adoption> {
  const { db, connections, log } = context;
  const given = (wanted.authorities ?? []).map((pem) => known(pem, true));
  const transporter = await targetNamed(db, wanted.transporter);
  refuseOtherPlace(await repositoryByName(db, wanted.name), transporter, wanted);
  const session = connections.required(transporter);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_OPENING)]);
  const { name, path } = wanted;
  const opened = await session.peer.call('repository.adopt', { name, path }, limit);
  const repository = await recorded(context, opened.repositoryId, transporter, wanted);
  const { authorities, ...state } = opened;
  context.repositories.opened(repository.id, state);
  await unlockUnasked(context, session, repository);
  const found = authorities.map((der) => known(der, false));
  const accepted = await acceptedAuthorities(context, repository.id, given, found);
  const tally: Tally = { added: 0, known: 0, refused: 0, refusals: [] };
  const measure = { repositoryId: repository.id, ownAuthority: context.authority.certificate, accepted };
  const adopting = { context, session, repository, measure, tally, jobs: new Set<string>(), signal };
  for await (const page of shownPoints(session, repository.id, signal)) await recordPoints(adopting, page);
  const { added, refused } = tally;
  log.info({ repository: name, transporter: transporter.name, added, known: tally.known, refused }, 'adopted');
  context.wakeDispatcher();
  return { repository, ...tally };
}

function known(certificate: string | Buffer, given: boolean): KnownAuthority {
  const { pem, fingerprint } = parseAuthority(certificate);
  return { certificate: pem, fingerprint: fingerprint.toString('base64url'), given };
}

/**
 * Whose points are taken: those of the authorities handed over, now or before. Where none was ever handed over, those
 * found at the first adoption, and no others from then on.
 */
async function acceptedAuthorities(
  { db, authority }: Context,
  repositoryId: string,
  given: KnownAuthority[],
  found: KnownAuthority[],
): Promise<KnownAuthority[]> {
  const before = await authoritiesOf(db, repositoryId);
  const onFirstUse = given.length === 0 && before.length === 0 ? found : [];
  const others = [...given, ...onFirstUse].filter(({ fingerprint }) => fingerprint !== authority.pin);
  await db.batch(others.map((one) => addAuthority(repositoryId, one)));
  return await authoritiesOf(db, repositoryId);
}

/** The record of the repository: made now, or found with the same name and place. */
async function recorded(context: Context, id: string, transporter: Transporter, wanted: Wanted): Promise<Repository> {
  const present = await repositoryById(context.db, id);
  refuseOtherPlace(present, transporter, wanted);
  if (present !== undefined) return present;
  const { name, path } = wanted;
  const repository = { id, name, transporterId: transporter.id, path, createdAt: Date.now() };
  await addRepository(context.db, repository);
  return { ...repository, transporterName: transporter.name };
}

function refuseOtherPlace(present: Repository | undefined, transporter: Transporter, { name, path }: Wanted): void {
  if (present === undefined) return;
  if (present.name === name && present.path === path && present.transporterId === transporter.id) return;
  const place = `${present.transporterName}:${present.path}`;
  throw fail('repository-known', `The repository ${present.name} is recorded here at ${place}.`);
}
