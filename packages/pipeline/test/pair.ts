import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  createDomain,
  createKeyAndRequest,
  createTicketKey,
  describeDomain,
  type Identity,
  openDomain,
  parseCertificate,
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
import { connectLink, type Link, listenForLinks, type Progress } from '@sealift/wire';
import {
  type BackupOutcome,
  createTargetWorkers,
  type PathWarning,
  type RestoreOutcome,
  runBackup,
  runRestore,
  serveSession,
} from '../src/index.ts';

const KDF = { name: 'argon2id', memoryKiB: 64 * 1024, passes: 3, lanes: 4 } as const;

/** Two real Transporters' ends in one process: a source that dials and a target that serves one repository. */
export interface Pair extends AsyncDisposable {
  folder: string;
  repository: Repository;
  repositoryPath: string;
  password: string;
  port: number;
  /** Where the source dials; a test may put a proxy in between. */
  dial: { port: number };
  backup(sources: string[], mode: ProtectionMode, more?: BackupMore): Promise<BackedUp>;
  restore(pointId: string, mode: ProtectionMode, destination: string, only?: string[]): Promise<Restored>;
  linkFor(rights: TicketRight[], runId: string, mode: ProtectionMode): Promise<Link>;
  jobId: string;
}

export interface BackupMore {
  exclude?: string[];
  compression?: string;
  runId?: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

export interface BackedUp extends BackupOutcome {
  warned: PathWarning[];
}

export interface Restored extends RestoreOutcome {
  warned: PathWarning[];
}

export async function pair(): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'sealift-pipeline-'));
  const repositoryPath = join(folder, 'repository');
  const store = filesystemStore(repositoryPath);
  await createRepository(store);
  const authority = await createAuthority();
  const tickets = createTicketKey();
  const enrol = async (role: 'source' | 'target'): Promise<Identity> => {
    const { privateKey, request } = await createKeyAndRequest();
    const id = randomUUID();
    const certificate = await authority.issueTransporter(request, id, role);
    return { id, privateKey, certificate, authority: authority.certificate };
  };
  const source = await enrol('source');
  const target = await enrol('target');
  const repository = await openRepository(store, { holder: target.id });
  const password = 'correct horse battery staple';
  const { passwordHash, descriptor } = await createDomain(password, KDF);
  const domain = openDomain(passwordHash, descriptor);
  const jobId = randomUUID();
  const workers = createTargetWorkers(1);
  const listener = await listenForLinks(
    { host: '127.0.0.1', port: 0, identity: target, ticketKeys: () => [tickets.publicKey], useTicket: () => {} },
    (link) => {
      const find = (id: string) => (id === repository.id ? repository : undefined);
      serveSession(link, { repository: find, workers }, new AbortController().signal)
        .catch(() => {})
        .finally(() => link[Symbol.asyncDispose]());
    },
  );
  const dial = { port: listener.port };

  const linkFor = (
    rights: TicketRight[],
    runId: string,
    mode: ProtectionMode,
    signal = new AbortController().signal,
  ) => {
    const now = Date.now();
    const ticket = signTicket(tickets.privateKey, {
      jti: randomUUID(),
      issued: now,
      expires: now + 60_000,
      longestDuration: 3_600_000,
      jobId,
      runId,
      sourceKeyHash: parseCertificate(source.certificate).publicKeyHash,
      targetKeyHash: parseCertificate(target.certificate).publicKeyHash,
      repositoryId: repository.id,
      mode,
      rights,
      ...(mode === 'source-side' ? { domainId: uuidText(describeDomain(descriptor).domainId) } : {}),
    });
    return connectLink(
      { url: `wss://127.0.0.1:${dial.port}`, identity: source, ticket, expectPeer: target.id },
      signal,
    );
  };

  return {
    folder,
    repository,
    repositoryPath,
    password,
    port: listener.port,
    dial,
    jobId,
    linkFor,
    backup: async (sources, mode, more = {}) => {
      const runId = more.runId ?? randomUUID();
      const warned: PathWarning[] = [];
      const outcome = await runBackup(
        {
          runId,
          jobId,
          sourceId: source.id,
          sources: sources.map((path) => Buffer.from(path)),
          exclude: more.exclude ?? [],
          mode,
          compression: more.compression ?? 'auto',
          repositoryId: repository.id,
          identity: source,
          connect: (signal) => linkFor(['append'], runId, mode, signal),
          ...(mode === 'source-side'
            ? {
                keys: async () => {
                  const run = domain.newRun();
                  return { keys: { domainId: domain.domainId, ...domain.chunkKeys, runs: [run] }, descriptor };
                },
              }
            : {}),
          spool: folder,
          workers: 2,
          onProgress: more.onProgress ?? (() => {}),
          onWarning: (warning) => warned.push(warning),
        },
        more.signal ?? new AbortController().signal,
      );
      return { ...outcome, warned };
    },
    restore: async (pointId, mode, destination, only = []) => {
      const runId = randomUUID();
      const warned: PathWarning[] = [];
      const outcome = await runRestore(
        {
          runId,
          jobId,
          pointId,
          repositoryId: repository.id,
          authority: authority.certificate,
          connect: (signal) => linkFor(['read'], runId, mode, signal),
          keys: async (runs) => ({
            idKey: domain.chunkKeys.idKey,
            runs: runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)),
          }),
          destination,
          only,
          overwrite: 'always',
          workers: 2,
          onProgress: () => {},
          onWarning: (warning) => warned.push(warning),
        },
        new AbortController().signal,
      );
      return { ...outcome, warned };
    },
    [Symbol.asyncDispose]: async () => {
      await listener.close();
      await workers[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
