import { availableParallelism, hostname, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFAULT_LINKS } from '@sealift/wire';
import { fail } from './failures.ts';

/** What a Transporter is for. An agent is a source that lives on the machine it protects. */
export type TransporterRole = 'source' | 'target' | 'agent';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface TransporterConfig {
  name: string;
  role: TransporterRole;
  /** Folder for identity, journal and registries; made with mode 0700 when missing. */
  data: string;
  /** REST address of the Director; needed for enrolment only. */
  directorUrl?: string | undefined;
  /** wss:// address for control connections; instead of the one learned at enrolment, when the Director has moved. */
  controlUrl?: string | undefined;
  /** One-time enrolment token; ignored once enrolled. */
  token?: string | undefined;
  /** File that holds the token, as containers hand over secrets. */
  tokenFile?: string | undefined;
  /** Target: where sources connect. Default 0.0.0.0. */
  dataHost?: string | undefined;
  /** Target: default 7422; 0 takes any free port. */
  dataPort?: number | undefined;
  /** Target: the wss:// address sources are told to dial. Default: host and port it listens on. */
  publicUrl?: string | undefined;
  /** Target: file with credentials for object storage, in the format of ~/.aws/credentials. Default: in `data`. */
  s3Credentials?: string | undefined;
  /** Target: address of the key (`pkcs11:`, `aws-kms:`, `vault:`, `file:`) that unlocks repositories encrypted by it. */
  kms?: string | undefined;
  /** Default 127.0.0.1. */
  healthHost?: string | undefined;
  /** Default 7423 for a target, 7424 for a source or an agent; 0 takes any free port. */
  healthPort?: number | undefined;
  /** Worker threads; default: cores. */
  workers?: number | undefined;
  /** Target: memory for the indexes of all repositories, MiB; what does not fit goes to `data`. Default: a quarter of the machine's. */
  indexMemory?: number | undefined;
  /** Target: links it takes at once, handshakes included. Default 256. */
  maxLinks?: number | undefined;
  /** Target: the same for each source. Default 32. */
  maxLinksPerPeer?: number | undefined;
  /** Refuses TLS without X25519MLKEM768, dialling and dialled. Default false: X25519 is taken where that is missing. */
  postQuantumOnly?: boolean | undefined;
  logLevel?: LogLevel | undefined;
  /** End when the process that started this one is gone: its IPC channel disconnects, or else stdin closes. */
  exitWithParent?: boolean | undefined;
}

/** The configuration with every default filled in. */
export interface Settings {
  name: string;
  role: TransporterRole;
  data: string;
  directorUrl: string | undefined;
  controlUrl: string | undefined;
  token: string | undefined;
  tokenFile: string | undefined;
  dataHost: string;
  dataPort: number;
  publicUrl: string | undefined;
  s3Credentials: string;
  kms: string | undefined;
  healthHost: string;
  healthPort: number;
  workers: number;
  /** Bytes. */
  indexMemory: number;
  links: { all: number; perPeer: number };
  postQuantumOnly: boolean;
  logLevel: LogLevel;
}

const MOST_WORKERS = 256;
const MOST_LINKS = 65_536;
const MIB = 1024 * 1024;
const LEAST_INDEX_MEMORY = 16;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ROLES: readonly TransporterRole[] = ['source', 'target', 'agent'];

export function settle(config: TransporterConfig): Settings {
  check(NAME.test(config.name), `name '${config.name}' must be 1 to 63 letters, digits, '.', '_' or '-'`);
  check(ROLES.includes(config.role), `role '${config.role}' must be source, target or agent`);
  check(config.data !== '', 'the data directory is not set');
  const workers = config.workers ?? availableParallelism();
  check(Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS, `workers must be 1 to ${MOST_WORKERS}`);
  return {
    name: config.name,
    role: config.role,
    data: resolve(config.data),
    directorUrl: checkedUrl('directorUrl', config.directorUrl, ['https:']),
    controlUrl: checkedUrl('controlUrl', config.controlUrl, ['wss:']),
    token: config.token,
    tokenFile: config.tokenFile,
    dataHost: config.dataHost ?? '0.0.0.0',
    dataPort: checkedPort('dataPort', config.dataPort ?? 7422),
    publicUrl: checkedUrl('publicUrl', config.publicUrl, ['wss:']),
    s3Credentials: resolve(config.s3Credentials ?? join(config.data, 's3-credentials')),
    kms: config.kms,
    healthHost: config.healthHost ?? '127.0.0.1',
    healthPort: checkedPort('healthPort', config.healthPort ?? (config.role === 'target' ? 7423 : 7424)),
    workers,
    indexMemory: checkedIndexMemory(config.indexMemory) * MIB,
    links: {
      all: checkedCount('maxLinks', config.maxLinks ?? DEFAULT_LINKS.all),
      perPeer: checkedCount('maxLinksPerPeer', config.maxLinksPerPeer ?? DEFAULT_LINKS.perPeer),
    },
    postQuantumOnly: config.postQuantumOnly ?? false,
    logLevel: config.logLevel ?? 'info',
  };
}

/** The address sources are told to dial: the public one, or host and port, where "any address" becomes this host. */
export function dataUrlOf(settings: Settings, port: number): string {
  if (settings.publicUrl !== undefined) return settings.publicUrl;
  const anyAddress = settings.dataHost === '0.0.0.0' || settings.dataHost === '::';
  return `wss://${urlHost(anyAddress ? hostname() : settings.dataHost)}:${port}`;
}

export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function checkedPort(name: string, port: number): number {
  check(Number.isInteger(port) && port >= 0 && port <= 65535, `${name} must be 0 to 65535, not ${port}`);
  return port;
}

function checkedIndexMemory(mebibytes: number | undefined): number {
  const chosen = mebibytes ?? Math.max(LEAST_INDEX_MEMORY, Math.floor(totalmem() / MIB / 4));
  const fits = Number.isInteger(chosen) && chosen >= LEAST_INDEX_MEMORY;
  check(fits, `indexMemory must be a whole number of MiB, at least ${LEAST_INDEX_MEMORY}`);
  return chosen;
}

function checkedCount(name: string, count: number): number {
  check(Number.isInteger(count) && count >= 1 && count <= MOST_LINKS, `${name} must be 1 to ${MOST_LINKS}`);
  return count;
}

function checkedUrl(name: string, url: string | undefined, protocols: string[]): string | undefined {
  if (url === undefined) return undefined;
  check(URL.canParse(url), `${name} '${url}' is not a URL`);
  check(protocols.includes(new URL(url).protocol), `${name} '${url}' must start with ${protocols.join('// or ')}//`);
  return url;
}

function check(holds: boolean, message: string): void {
  if (!holds) throw fail('configuration', message);
}
