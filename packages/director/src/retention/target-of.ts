import type { Context } from '../context.ts';
import { type Repository, repositoryById } from '../db/repositories.ts';
import { fail } from '../failures.ts';
import type { Session } from '../inventory/connections.ts';

/** How long a target may take to answer about recovery points, ms. */
export const PATIENCE = 60_000;

/** The repository and its target; `transporter-away` when that is not connected. */
export async function targetOf(
  { db, connections }: Context,
  repositoryId: string,
): Promise<{ repository: Repository; session: Session }> {
  const repository = await repositoryById(db, repositoryId);
  if (repository === undefined) throw fail('not-found', `There is no repository ${repositoryId}.`);
  const { transporterId: id, transporterName: name } = repository;
  return { repository, session: connections.required({ id, name }) };
}
