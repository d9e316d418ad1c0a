import type { Identity } from '@sealift/crypto';
import type { BandwidthLimits, ControlHandlers, Params, Result } from '@sealift/wire';
import type { Settings } from '../config.ts';
import type { DirectorLine } from '../control/director-line.ts';
import type { Metrics } from '../health/metrics.ts';
import type { Readiness } from '../health/server.ts';
import type { RevokedCertificates } from '../identity/revoked-certificates.ts';
import type { Logger } from '../logger.ts';
import type { RepositoryState } from '../sessions/repositories.ts';
import type { DataFolder } from '../storage/data-folder.ts';

/** What every role is given. */
export interface Surroundings {
  settings: Settings;
  folder: DataFolder;
  identity: () => Identity;
  /** The identity that a ticket was made out to. */
  identityFor: (ticket: Buffer) => Identity;
  revoked: RevokedCertificates;
  /** What the Director allows on links. */
  bandwidth: BandwidthLimits;
  line: DirectorLine;
  /** Of the Director's control listener. */
  controlUrl: string;
  metrics: Metrics;
  log: Logger;
}

/** What a role brings into the daemon. */
export interface Role extends AsyncDisposable {
  /** Target: where sources are told to dial. */
  dataUrl?: string;
  handlers: ControlHandlers;
  /** Tasks this Transporter can answer for. */
  held(): Params<'hello'>['tasks'];
  /** Told what the Director says on each connection, before anything else is said. */
  onGreeted(answer: Result<'hello'>): Promise<void>;
  /** Told when calls to the Director go through again. */
  onConnected(): void;
  /** Presents a new certificate from now on. */
  onRenewed(identity: Identity): void;
  readiness(): Readiness[];
  sessions(): number;
  repositories(): RepositoryState[];
  /** Source: bytes of what is kept of the previous points of its jobs. */
  cacheBytes?(): number;
}
