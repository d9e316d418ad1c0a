import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  type ChunkType,
  chunkKey,
  createAuthority,
  createDomain,
  createKeyAndRequest,
  createTicketKey,
  type Identity,
  manifestKey,
  newUuidBytes,
  type OpenDomain,
  openDomain,
  parseCertificate,
  type RunRecord,
  signTicket,
  type TicketRight,
  uuidText,
} from '@sealift/crypto';
import {
  createRepository,
  filesystemStore,
  openRepository,
  type ProtectionMode,
  type Repository,
} from '@sealift/repository';
import { connectLink, type Link, listenForLinks, type Progress, type ReadingRules } from '@sealift/wire';
import {
  type BackupOutcome,
  createTargetWorkers,
  type LinkToPoint,
  type LookKeys,
  type PathWarning,
  type PointOptions,
  type RestoreOutcome,
  RunQuotas,
  runBackup,
  runRestore,
  type Sample,
  samplePoint,
  serveSession,
} from '../src/index.ts';

export interface BackupMore {
  exclude?: string[];
  reading?: ReadingRules;
  leftovers?: string;
  compression?: string;
  runId?: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  byteQuota?: number;
  /** A file for what the run has found. */
  cache?: string;
  /** A file for what disks of virtual machines are made of. */
  diskNotes?: string;
}

export type BackedUp = BackupOutcome & { warned: PathWarning[] };
export type Restored = RestoreOutcome & { warned: PathWarning[] };

/** Two real Transporters' ends in one process: a source that dials, and a target that serves one repository. */
export class Pair implements AsyncDisposable {
  readonly folder: string;
  readonly repository: Repository;
  /** The job that runs, and that tickets are for; a test that has several changes it. */
  jobId: string = randomUUID();
  readonly password = PASSWORD;
  /** Where the source dials; a test may put a proxy in between. */
  port = 0;
  /** What the target serves from; a hostile one tampers here. */
  served: Repository;
  /** What the target speaks through; a hostile one tampers here. */
  disguise: (link: Link) => Link = (link) => link;
  readonly #source: Identity;
  readonly #target: Identity;
  readonly #tickets = createTicketKey();
  readonly #descriptor: Buffer;
  readonly #domain: OpenDomain;
  readonly #resources = new AsyncDisposableStack();
  readonly #authority: Authority;

  constructor(folder: string, repository: Repository, site: PairSite) {
    const { source, target, domain, authority } = site;
    this.#authority = authority;
    this.folder = folder;
    this.repository = repository;
    this.served = repository;
    this.#source = source;
    this.#target = target;
    this.#descriptor = domain.descriptor;
    this.#domain = openDomain(domain.passwordHash, domain.descriptor);
    this.#resources.defer(() => rm(folder, { recursive: true, force: true }));
    this.#resources.use(repository);
  }

  get repositoryPath(): string {
    return join(this.folder, 'repository');
  }

  get source(): Identity {
    return this.#source;
  }

  get target(): Identity {
    return this.#target;
  }

  get domain(): OpenDomain {
    return this.#domain;
  }

  get descriptor(): Buffer {
    return this.#descriptor;
  }

  get sourceId(): string {
    return this.#source.id;
  }

  /** One more Transporter of the same authority. */
  enrol(role: 'source' | 'target'): Promise<Identity> {
    return enrol(this.#authority, role);
  }

  async listen(): Promise<void> {
    const workers = this.#resources.use(createTargetWorkers(1));
    const quotas = new RunQuotas();
    const ticketKeys = () => [this.#tickets.publicKey];
    const find = (id: string) => (id === this.repository.id ? this.served : undefined);
    const listener = await listenForLinks(
      { host: '127.0.0.1', port: 0, identity: this.#target, ticketKeys, useTicket: () => {} },
      (link) => {
        serveSession(this.disguise(link), { repository: find, workers, quotas }, new AbortController().signal)
          .catch(() => {})
          .finally(() => link[Symbol.asyncDispose]());
      },
    );
    this.#resources.use(listener);
    this.port = listener.port;
  }

  linkFor(
    rights: TicketRight[],
    runId: string,
    mode: ProtectionMode,
    signal = NEVER,
    byteQuota?: number,
  ): Promise<Link> {
    const now = Date.now();
    const ticket = signTicket(this.#tickets.privateKey, {
      jti: randomUUID(),
      issued: now,
      expires: now + 60_000,
      longestDuration: 3_600_000,
      jobId: this.jobId,
      runId,
      sourceKeyHash: parseCertificate(this.#source.certificate).publicKeyHash,
      targetKeyHash: parseCertificate(this.#target.certificate).publicKeyHash,
      repositoryId: this.repository.id,
      mode,
      rights,
      ...(mode === 'source-side' ? { domainId: uuidText(this.#domain.domainId) } : {}),
      ...(byteQuota === undefined ? {} : { byteQuota }),
    });
    const url = `wss://127.0.0.1:${this.port}`;
    return connectLink({ url, identity: this.#source, ticket, expectPeer: this.#target.id }, signal);
  }

  async backup(sources: string[], mode: ProtectionMode, more: BackupMore = {}): Promise<BackedUp> {
    const runId = more.runId ?? randomUUID();
    const warned: PathWarning[] = [];
    const options = {
      runId,
      jobId: this.jobId,
      sourceId: this.#source.id,
      sources: sources.map((path) => Buffer.from(path)),
      exclude: more.exclude ?? [],
      mode,
      compression: more.compression ?? 'auto',
      repositoryId: this.repository.id,
      identity: this.#source,
      connect: (signal: AbortSignal) => this.linkFor(['append'], runId, mode, signal, more.byteQuota),
      keys: async () => ({
        keys: { domainId: this.#domain.domainId, ...this.#domain.chunkKeys, runs: [this.#domain.newRun()] },
        descriptor: this.#descriptor,
      }),
      spool: this.folder,
      ...(more.cache === undefined ? {} : { cache: more.cache }),
      ...(more.leftovers === undefined ? {} : { leftovers: more.leftovers }),
      ...(more.reading === undefined ? {} : { reading: more.reading }),
      ...(more.diskNotes === undefined ? {} : { diskNotes: more.diskNotes }),
      workers: 2,
      onProgress: more.onProgress ?? (() => {}),
      onWarning: (warning: PathWarning) => warned.push(warning),
    };
    return { ...(await runBackup(options, more.signal ?? NEVER)), warned };
  }

  sample(pointId: string, mode: ProtectionMode, more: { files: number; hash: Buffer }): Promise<Sample> {
    return samplePoint({ ...this.lookAt(pointId, mode), ...more }, NEVER);
  }

  /** What it takes to look into a point. */
  lookAt(pointId: string, mode: ProtectionMode): PointOptions & LinkToPoint {
    const runId = randomUUID();
    const { jobId, repository } = this;
    return {
      runId,
      jobId,
      pointId,
      repositoryId: repository.id,
      authority: this.#source.authority,
      connect: (signal) => this.linkFor(['read'], runId, mode, signal),
      look: this.#look(),
    };
  }

  /** What a Director gives for a look: keys of chunks, and of no run. */
  #look(): LookKeys {
    const domain = this.#domain;
    return {
      ofPoint: async (runs) => {
        const [maker, ...others] = runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch));
        if (maker === undefined) throw new Error('a point names no run');
        const commitments = [maker, ...others].map(({ commitment }) => commitment);
        return { idKey: domain.chunkKeys.idKey, manifestKey: manifestKey(maker), commitments };
      },
      ofChunk: async ({ runSalt, epoch, type, id, random }) =>
        chunkKey(domain.runKey(runSalt, epoch), { type: type as ChunkType, id, random }),
    };
  }

  async #keysOf(runs: RunRecord[]) {
    const opened = runs.map(({ runSalt, epoch }) => this.#domain.runKey(runSalt, epoch));
    return { idKey: this.#domain.chunkKeys.idKey, runs: opened };
  }

  /** What whoever restores a point is given. */
  readOptions(pointId: string, mode: ProtectionMode) {
    const runId = randomUUID();
    return {
      runId,
      jobId: this.jobId,
      pointId,
      repositoryId: this.repository.id,
      authority: this.#source.authority,
      connect: (signal: AbortSignal) => this.linkFor(['read'], runId, mode, signal),
      keys: (runs: RunRecord[]) => this.#keysOf(runs),
    };
  }

  async restore(pointId: string, mode: ProtectionMode, destination: string, only: string[] = []): Promise<Restored> {
    const warned: PathWarning[] = [];
    const options = {
      ...this.readOptions(pointId, mode),
      destination,
      only,
      overwrite: 'always' as const,
      workers: 2,
      onProgress: () => {},
      onWarning: (warning: PathWarning) => warned.push(warning),
    };
    return { ...(await runRestore(options, NEVER)), warned };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

interface PairSite {
  authority: Authority;
  source: Identity;
  target: Identity;
  domain: Awaited<ReturnType<typeof createDomain>>;
}

/** The weakest parameters that are accepted, for tests only. */
const KDF = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;
const PASSWORD = 'correct horse battery staple';
const NEVER = new AbortController().signal;

/** With `slotKey`, the repository is encrypted at rest and unlocked. */
export async function pair({ slotKey }: { slotKey?: Buffer } = {}): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-pipeline-'));
  const store = filesystemStore(join(folder, 'repository'));
  const slot = { id: newUuidBytes(), kind: 'keyfile', label: 'test' } as const;
  await createRepository(store, slotKey === undefined ? undefined : { slot, slotKey });
  const authority = await createAuthority();
  const source = await enrol(authority, 'source');
  const target = await enrol(authority, 'target');
  const repository = await openRepository(store, { holder: target.id });
  if (slotKey !== undefined) repository.encryption?.unlock(slot.id, slotKey);
  const domain = await createDomain(PASSWORD, KDF);
  const both = new Pair(folder, repository, { authority, source, target, domain });
  await both.listen();
  return both;
}

async function enrol(authority: Authority, role: 'source' | 'target'): Promise<Identity> {
  const { privateKey, request } = await createKeyAndRequest();
  const id = randomUUID();
  const certificate = await authority.issueTransporter(request, id, role);
  return { id, privateKey, certificate, authority: authority.certificate };
}
