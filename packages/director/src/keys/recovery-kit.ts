import { createHash } from 'node:crypto';
import type { RecoveryKit } from '@sealift/wire';
import type { Database } from '../db/database.ts';
import { epochsOf, type PasswordEpoch } from '../db/password-epochs.ts';
import { jobsUsing, type Password, pointsInDomains, repositoriesUsing } from '../db/passwords.ts';
import { fail } from '../failures.ts';
import { isoTime } from '../resources/time.ts';

const COLUMNS = 64;
const RULE = '-'.repeat(72);

/** What is to be printed and kept with a password: everything needed to recover but the password itself. */
export async function recoveryKit(db: Database, password: Password): Promise<RecoveryKit> {
  const [epochs, jobs, repositories] = await Promise.all([
    epochsOf(db, password.id),
    jobsUsing(db, password.id),
    repositoriesUsing(db, password.id),
  ]);
  const present = epochs.find(({ domainId, epoch }) => domainId === password.domainId && epoch === password.epoch);
  if (present === undefined) throw fail('not-found', `The password ${password.name} has no epoch.`);
  const { id, name, domainId, epoch } = password;
  const kit = {
    password: { id, name },
    domainId,
    epoch,
    descriptor: present.descriptor.toString('base64'),
    formerDomains: await formerDomains(db, password, epochs),
    repositories,
    jobs,
    madeAt: new Date().toISOString(),
  };
  return { ...kit, text: printed(kit, present.descriptor) };
}

/**
 * Domains that were left behind after a compromise, each with its newest password: points in them need that one, and are
 * to be recovered until the last of them expires.
 */
async function formerDomains(
  db: Database,
  { id, domainId: present }: Password,
  epochs: PasswordEpoch[],
): Promise<RecoveryKit['formerDomains']> {
  const left = new Map<string, PasswordEpoch>();
  for (const one of epochs) {
    const newest = left.get(one.domainId)?.epoch ?? 0;
    if (one.domainId !== present && one.epoch > newest) left.set(one.domainId, one);
  }
  const points = await pointsInDomains(db, id);
  return [...left.values()].map(({ domainId, epoch, descriptor, createdAt }) => ({
    domainId,
    epoch,
    descriptor: descriptor.toString('base64'),
    passwordSetAt: isoTime(createdAt),
    points: points.filter((of) => of.domainId === domainId).reduce((sum, of) => sum + of.points, 0),
  }));
}

function printed(kit: Omit<RecoveryKit, 'text'>, descriptor: Buffer): string {
  const places = kit.repositories.map(({ name, transporter, path }) => `  ${name}: ${path} on ${transporter}`);
  const paths = kit.repositories.length === 0 ? ['PATH-OF-THE-REPOSITORY'] : kit.repositories.map(({ path }) => path);
  return [
    `SEALIFT RECOVERY KIT: ${kit.password.name}`,
    `made ${kit.madeAt}`,
    RULE,
    'The password is not on this page. Write it down elsewhere, and keep the two apart.',
    '',
    'It opens the recovery points of',
    ...listed(kit.jobs.map(({ name }) => `  ${name}`)),
    'in the repositories',
    ...listed(places),
    '',
    'With the repository and the password, on any machine with Sealift, without Director or network:',
    '',
    ...paths.flatMap((path) => [
      `  sealift recover --repository ${quoted(path)} --list`,
      `  sealift recover --repository ${quoted(path)} --point latest --to /restored`,
    ]),
    '',
    RULE,
    `encryption domain  ${kit.domainId}`,
    `epoch              ${kit.epoch}`,
    'domain descriptor  (in every recovery point; here in case those copies are damaged), base64:',
    ...wrapped(kit.descriptor),
    `SHA-256 of the descriptor  ${createHash('sha256').update(descriptor).digest('hex')}`,
    '',
    ...kit.formerDomains.flatMap(printedFormer),
  ].join('\n');
}

function printedFormer({ domainId, epoch, descriptor, passwordSetAt, points }: RecoveryKit['formerDomains'][number]) {
  return [
    RULE,
    `LEFT BEHIND AFTER A COMPROMISE, with ${points} recovery points when this was printed. The password above does not`,
    `open them: they need the one that was set ${passwordSetAt}. Keep it until they have expired.`,
    `encryption domain  ${domainId}`,
    `epoch              ${epoch}`,
    'domain descriptor, base64:',
    ...wrapped(descriptor),
    '',
  ];
}

function listed(lines: string[]): string[] {
  return lines.length === 0 ? ['  (none yet)'] : lines;
}

function wrapped(text: string): string[] {
  return text.match(new RegExp(`.{1,${COLUMNS}}`, 'g'))?.map((line) => `  ${line}`) ?? [];
}

/** As a POSIX shell takes it for one word. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
