import { join } from 'node:path';
import { openKeyWrapper, parseKmsAddress } from '@sealift/crypto';
import { type Unlock, unlockFromKms } from '@sealift/pipeline';
import { IndexMemory } from '@sealift/repository';
import type { UpkeepStart } from '@sealift/wire';
import { dataUrlOf } from '../config.ts';
import { repositoryHandlers } from '../control/handlers.ts';
import { TicketKeys } from '../control/ticket-keys.ts';
import type { OpeningMeans } from '../sessions/open-at.ts';
import { Repositories } from '../sessions/repositories.ts';
import { SessionServer } from '../sessions/session-server.ts';
import { SpentTickets } from '../sessions/spent-tickets.ts';
import type { DialContext } from '../tasks/context.ts';
import { openTasks } from '../tasks/open-tasks.ts';
import { upkeep } from '../tasks/upkeep.ts';
import type { Role, Surroundings } from './role.ts';

/** A target: keeps repositories, looks after them, and serves the links of sources and restoring Transporters. */
export async function targetRole(surroundings: Surroundings): Promise<Role> {
  const { settings, folder, identity, revoked, bandwidth, metrics, log } = surroundings;
  await using starting = new AsyncDisposableStack();
  const ticketKeys = await TicketKeys.open(folder.ticketKeys);
  const spentTickets = starting.use(await SpentTickets.open(folder.spentTickets));
  const means = await openingMeans(surroundings, starting);
  const holder = () => ({ holder: identity().id, authority: identity().authority });
  const repositories = starting.use(await Repositories.open(folder.repositories, holder, means, log));
  const upkeepMeans = { workers: settings.workers, dialling: diallingOf(surroundings) };
  const tasks = starting.use(
    await openTasks<UpkeepStart>(surroundings, (task, reporter, signal) =>
      upkeep(task, { ...upkeepMeans, repository: repositories.demand(task.repositoryId) }, reporter, signal),
    ),
  );
  const server = starting.use(
    await SessionServer.listen({
      host: settings.dataHost,
      port: settings.dataPort,
      workers: settings.workers,
      limits: settings.links,
      postQuantumOnly: settings.postQuantumOnly,
      identity: identity(),
      ticketKeys,
      spentTickets,
      revoked,
      bandwidth,
      own: () => identity().id,
      repositories,
      metrics,
      log,
    }),
  );
  const resources = starting.move();
  const dataUrl = dataUrlOf(settings, server.port);
  log.info({ dataUrl }, 'waiting for sources');
  return {
    dataUrl,
    handlers: repositoryHandlers(repositories, tasks.registry),
    held: () => tasks.registry.held(),
    onGreeted: ({ ticketKeys: keys }) => ticketKeys.replace(keys),
    onConnected: () => tasks.delivery.wake(),
    onRenewed: (renewed) => server.present(renewed),
    readiness: () =>
      repositories.states().map(({ name, failure }) => {
        const state = { name: `repository ${name}`, ready: failure === undefined, essential: false };
        return failure === undefined ? state : { ...state, reason: failure.message };
      }),
    sessions: () => server.sessions,
    repositories: () => repositories.states(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function diallingOf({ identityFor, line, revoked, bandwidth, settings }: Surroundings): DialContext {
  return { identityFor, line, revoked, bandwidth, postQuantumOnly: settings.postQuantumOnly };
}

/** What this machine lends to the repositories it serves. */
async function openingMeans(of: Surroundings, starting: AsyncDisposableStack): Promise<OpeningMeans> {
  const { settings, folder, metrics } = of;
  const unlock = settings.kms === undefined ? {} : { unlock: await kmsUnlock(settings.kms, starting) };
  const indexMemory = await IndexMemory.open(join(folder.spool, 'index'), settings.indexMemory);
  const { cache, spool } = folder;
  const storage = { credentials: settings.s3Credentials, spool: join(spool, 's3'), cache };
  return { ...storage, clock: metrics.clock, indexMemory, ...unlock };
}

async function kmsUnlock(address: string, held: AsyncDisposableStack): Promise<Unlock> {
  return unlockFromKms([held.use(await openKeyWrapper(parseKmsAddress(address)))]);
}
