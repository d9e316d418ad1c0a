import { PRODUCT_VERSION } from '@sealift/core';
import { BandwidthLimits } from '@sealift/wire';
import { settle, type TransporterConfig, type TransporterRole } from './config.ts';
import { Director } from './control/director.ts';
import { Metrics } from './health/metrics.ts';
import { serveHealth } from './health/server.ts';
import { establishIdentity } from './identity/enrol.ts';
import { CertificateRenewal } from './identity/renewal.ts';
import { RevokedCertificates } from './identity/revoked-certificates.ts';
import type { Enrolled } from './identity/stored-identity.ts';
import { exitWithParent } from './lifetime/parent.ts';
import { createLogger } from './logger.ts';
import type { Role } from './roles/role.ts';
import { sourceRole } from './roles/source.ts';
import { targetRole } from './roles/target.ts';
import { openDataFolder } from './storage/data-folder.ts';
import { lockData } from './storage/data-lock.ts';
import { makePrivateFolder } from './storage/durable-file.ts';

export interface TransporterHandle {
  role: TransporterRole;
  /** UUID given at enrolment. */
  id: string;
  /** Target: where sources are told to dial. */
  dataUrl?: string;
  healthUrl: string;
  /** Stops running tasks so that they can be dispatched again, cuts links off and releases the repositories. */
  close(): Promise<void>;
}

/** Starts a Transporter; resolves when it serves. The Director need not be there, except for enrolment. */
export async function startTransporter(config: TransporterConfig): Promise<TransporterHandle> {
  const settings = settle(config);
  const log = createLogger(settings);
  await using starting = new AsyncDisposableStack();
  await makePrivateFolder(settings.data);
  starting.use(await lockData(settings.data));
  const folder = await openDataFolder(settings.data);
  const enrolled = await establishIdentity(settings, folder, log);
  const metrics = new Metrics();
  const controlUrl = settings.controlUrl ?? enrolled.controlUrl;
  const director: Director = starting.use(
    new Director({ url: controlUrl, postQuantumOnly: settings.postQuantumOnly }, () => renewal.identity, log),
  );
  const renewal: CertificateRenewal = starting.use(
    new CertificateRenewal({
      enrolled,
      folder,
      line: director,
      log,
      onRenewed: async (identity) => {
        role.onRenewed(identity);
        await director.reconnect();
      },
    }),
  );
  const revoked = await RevokedCertificates.open(folder.revoked, log);
  const bandwidth = new BandwidthLimits();
  const identity = () => renewal.identity;
  const identityFor = (ticket: Buffer) => renewal.identityFor(ticket);
  const known = { identity, identityFor, revoked, bandwidth };
  const surroundings = { settings, folder, ...known, line: director, controlUrl, metrics, log };
  const role = starting.use(await (settings.role === 'target' ? targetRole : sourceRole)(surroundings));
  observe(metrics, role, director, renewal);
  const health = starting.use(
    await serveHealth(settings.healthHost, settings.healthPort, metrics, () => [
      { name: 'director', ready: director.connected, essential: true },
      ...role.readiness(),
    ]),
  );
  converse(director, role, renewal, { enrolled, revoked, bandwidth });
  log.info({ id: enrolled.identity.id, health: health.url }, 'started');
  return handleOf(config, enrolled, role, health.url, starting.move());
}

function observe(metrics: Metrics, role: Role, director: Director, renewal: CertificateRenewal): void {
  metrics.observe({
    tasks: () => {
      const held = role.held();
      const running = held.filter(({ state }) => state === 'running').length;
      return { running, finished: held.length - running };
    },
    sessions: () => role.sessions(),
    directorConnected: () => director.connected,
    certificateExpiry: () => renewal.expiry,
    repositories: () => role.repositories(),
    cacheBytes: () => role.cacheBytes?.() ?? 0,
  });
}

interface Known {
  enrolled: Enrolled;
  revoked: RevokedCertificates;
  bandwidth: BandwidthLimits;
}

function converse(director: Director, role: Role, renewal: CertificateRenewal, known: Known): void {
  const { enrolled, revoked, bandwidth } = known;
  const greeting = { version: PRODUCT_VERSION, role: enrolled.role, name: enrolled.name };
  const where = role.dataUrl === undefined ? {} : { dataUrl: role.dataUrl };
  director.connect({
    handlers: {
      ...role.handlers,
      'trust.revoked': async ({ serials }) => {
        await revoked.replace(serials);
        return {};
      },
      'bandwidth.set': (limits) => {
        bandwidth.replace(limits);
        return {};
      },
    },
    hello: () => ({ ...greeting, ...where, tasks: role.held() }),
    onGreeted: async (answer) => {
      await revoked.replace(answer.revoked);
      await role.onGreeted(answer);
    },
    onConnected: () => {
      role.onConnected();
      renewal.check();
    },
  });
}

function handleOf(
  config: TransporterConfig,
  { identity, role: roleName }: Enrolled,
  role: Role,
  healthUrl: string,
  resources: AsyncDisposableStack,
): TransporterHandle {
  // One end for all who ask: the signal of the operator and the disappearance of the parent may come together.
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= resources.disposeAsync();
    return closing;
  };
  if (config.exitWithParent === true) resources.defer(exitWithParent(close));
  const where = role.dataUrl === undefined ? {} : { dataUrl: role.dataUrl };
  return { role: roleName, id: identity.id, ...where, healthUrl, close };
}
