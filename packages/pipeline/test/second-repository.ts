import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { failureFromRecord } from '@sealift/core';
import {
  createTicketKey,
  type Identity,
  newUuidBytes,
  parseCertificate,
  signTicket,
  type TicketGrant,
  uuidText,
} from '@sealift/crypto';
import {
  createRepository,
  filesystemStore,
  openRepository,
  type PointCopy,
  type Repository,
} from '@sealift/repository';
import { connectLink, decodeRefused, encodeOpen, type Link, listenForLinks, MESSAGE, type Open } from '@sealift/wire';
import { type Copied, copyPoint, createTargetWorkers, RunQuotas, serveSession } from '../src/index.ts';
import type { Pair } from './pair.ts';

export interface CopyMore {
  signal?: AbortSignal;
  onChunk?: (bytes: number) => void;
  grant?: Partial<TicketGrant>;
  /** Told of each link before it is used. */
  onLink?: (link: Link) => void;
}

const NEVER = new AbortController().signal;

/** A repository at another Transporter, to which the target of a pair copies. */
export class SecondRepository implements AsyncDisposable {
  readonly repository: Repository;
  readonly #both: Pair;
  readonly #identity: Identity;
  readonly #tickets = createTicketKey();
  readonly #resources = new AsyncDisposableStack();
  #port = 0;

  private constructor(both: Pair, repository: Repository, identity: Identity) {
    this.#both = both;
    this.#identity = identity;
    this.repository = this.#resources.use(repository);
  }

  /** A new one; with `slotKey`, encrypted at rest and unlocked. */
  static async of(both: Pair, { slotKey }: { slotKey?: Buffer } = {}, folder = 'second'): Promise<SecondRepository> {
    const store = filesystemStore(join(both.folder, folder));
    const slot = { id: newUuidBytes(), kind: 'keyfile', label: 'second' } as const;
    await createRepository(store, slotKey === undefined ? undefined : { slot, slotKey });
    const second = await SecondRepository.reopened(both, folder);
    if (slotKey !== undefined) second.repository.encryption?.unlock(slot.id, slotKey);
    return second;
  }

  /** The one that was made before, served by a Transporter of its own. */
  static async reopened(both: Pair, folder = 'second'): Promise<SecondRepository> {
    const store = filesystemStore(join(both.folder, folder));
    const identity = await both.enrol('target');
    const second = new SecondRepository(both, await openRepository(store, { holder: identity.id }), identity);
    await second.#listen();
    return second;
  }

  /** A link from the target of the pair, with a ticket to copy this point unless told otherwise. */
  linkFor(point: Pick<PointCopy, 'pointId' | 'hash' | 'by'>, grant: Partial<TicketGrant> = {}): Promise<Link> {
    const now = Date.now();
    const ticket = signTicket(this.#tickets.privateKey, {
      jti: randomUUID(),
      issued: now,
      expires: now + 60_000,
      longestDuration: 3_600_000,
      jobId: this.#both.jobId,
      runId: point.pointId,
      sourceKeyHash: parseCertificate(this.#both.target.certificate).publicKeyHash,
      targetKeyHash: parseCertificate(this.#identity.certificate).publicKeyHash,
      repositoryId: this.repository.id,
      mode: point.by.mode,
      domainId: uuidText(point.by.mode === 'in-flight' ? point.by.zone : this.#both.domain.domainId),
      ...(grant.rights === undefined ? { rights: ['copy'], pointHash: point.hash } : { rights: grant.rights }),
      ...grant,
    });
    const url = `wss://127.0.0.1:${this.#port}`;
    return connectLink({ url, identity: this.#both.target, ticket, expectPeer: this.#identity.id }, NEVER);
  }

  copy(point: PointCopy, { signal = NEVER, onChunk, grant, onLink }: CopyMore = {}): Promise<Copied> {
    return copyPoint(
      {
        point,
        repositoryId: this.repository.id,
        connect: async () => {
          const link = await this.linkFor(point, grant);
          onLink?.(link);
          return link;
        },
        onSent: () => {},
        onChunk: ({ bytes }) => onChunk?.(bytes),
        onReconnect: () => {},
      },
      signal,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #listen(): Promise<void> {
    const workers = this.#resources.use(createTargetWorkers(1));
    const options = {
      repository: (id: string) => (id === this.repository.id ? this.repository : undefined),
      workers,
      quotas: new RunQuotas(),
    };
    const ticketKeys = () => [this.#tickets.publicKey];
    const listener = await listenForLinks(
      { host: '127.0.0.1', port: 0, identity: this.#identity, ticketKeys, useTicket: () => {} },
      (link) => {
        serveSession(link, options, NEVER)
          .catch(() => {})
          .finally(() => link[Symbol.asyncDispose]());
      },
    );
    this.#resources.use(listener);
    this.#port = listener.port;
  }
}

/** What the other target says to a session opened so. */
export async function answerTo(link: Link, open: Open): Promise<string> {
  await using held = link;
  await held.send(MESSAGE.open, encodeOpen(open));
  for await (const { kind, payload } of held.messages()) {
    return kind === MESSAGE.refused ? failureFromRecord(decodeRefused(payload)).code : `message ${kind}`;
  }
  return 'nothing';
}
