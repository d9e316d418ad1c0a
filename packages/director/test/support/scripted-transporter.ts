import { randomUUID } from 'node:crypto';
import { Failure } from '@sealift/core';
import { createKeyAndRequest, type Identity, parseCertificate, parseEnrolmentToken } from '@sealift/crypto';
import {
  type ControlClient,
  type ControlHandlers,
  type ControlPeer,
  controlClient,
  type JobStart,
  type Params,
  type Progress,
  type RepositoryStats,
  RestClient,
  type Result,
  type TaskPoint,
  type TaskResult,
  type TaskStart,
  type TransporterRole,
} from '@sealift/wire';

export interface Member {
  identity: Identity;
  name: string;
  role: TransporterRole;
  controlUrl: string;
}

/** Enrols as a Transporter does: key and request made here, the Director recognised by the pin in the token. */
export async function enrol(url: string, token: string, name: string, role: TransporterRole): Promise<Member> {
  const { id, secret, pin } = parseEnrolmentToken(token);
  const { privateKey, request } = await createKeyAndRequest();
  using client = new RestClient({ url, pin });
  const body = { token: { id, secret: secret.toString('base64url') }, request, name };
  const answer = await client.call('enrol', { body });
  const { certificate, authority, controlUrl } = answer;
  return { identity: { id: answer.id, privateKey, certificate, authority }, name, role, controlUrl };
}

export const STATS: RepositoryStats = { points: 0, chunks: 0, storedBytes: 1000, freeBytes: 5000 };

export const PROGRESS: Progress = {
  phase: 'reading',
  files: 3,
  bytesRead: 300,
  bytesNew: 200,
  bytesSent: 100,
  bytesStored: 90,
  reconnects: 0,
  warnings: 0,
};

/**
 * The control side of a Transporter, made of the product's own client and doing only what a test tells it: it takes
 * tasks and remembers them, and opens every repository it is asked to.
 */
export class ScriptedTransporter implements AsyncDisposable {
  readonly member: Member;
  readonly started: TaskStart[] = [];
  readonly cancelled: string[] = [];
  readonly opened: string[] = [];
  held: Params<'hello'>['tasks'] = [];
  handlers: ControlHandlers;
  /** What a target says of each recovery point, by its id: the runs it refers to. */
  readonly pointRuns = new Map<string, Result<'point.runs'>>();
  hellos = 0;
  #greeting: Result<'hello'> | undefined;
  readonly #client: ControlClient;
  readonly #stop = new AbortController();
  readonly #waiting: (() => void)[] = [];

  constructor(
    member: Member,
    o: { controlUrl?: string; handlers?: ControlHandlers; held?: Params<'hello'>['tasks'] } = {},
  ) {
    this.member = member;
    this.held = o.held ?? [];
    this.handlers = { ...this.#usual(), ...o.handlers };
    const { identity, controlUrl } = member;
    this.#client = controlClient(
      {
        url: o.controlUrl ?? controlUrl,
        identity: () => identity,
        handlers: this.handlers,
        onConnected: (peer) => this.#greet(peer),
      },
      this.#stop.signal,
    );
  }

  get id(): string {
    return this.member.identity.id;
  }

  /** As tickets name it. */
  get keyHash(): Buffer {
    return parseCertificate(this.member.identity.certificate).publicKeyHash;
  }

  /** What the Director answered to the last hello. */
  async greeting(): Promise<Result<'hello'>> {
    await this.until(() => this.#greeting !== undefined);
    return this.#greeting as Result<'hello'>;
  }

  connected(): Promise<ControlPeer> {
    return this.#client.connected(AbortSignal.timeout(20_000));
  }

  /** The task of that number, as soon as it was started. */
  async task(number: number): Promise<TaskStart> {
    await this.until(() => this.started.length > number);
    return this.started[number] as TaskStart;
  }

  /** Looks again each time the Director has said something. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async finish(task: TaskStart, result: Partial<TaskResult> = {}): Promise<void> {
    const peer = await this.connected();
    this.held = this.held.filter(({ taskId }) => taskId !== task.taskId);
    await peer.call('task.finished', { taskId: task.taskId, result: resultOf(task, result) });
  }

  /** Cuts the connection as a broken network would; the client makes a new one by itself. */
  async cut(): Promise<void> {
    const before = this.hellos;
    const peer = await this.connected();
    peer.abort(new Failure('disconnected', 'retry', 'cut by the test'));
    await this.until(() => this.hellos > before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#client.close();
  }

  #usual(): ControlHandlers {
    return {
      'repository.create': ({ repositoryId }) => ({ repositoryId: repositoryId ?? randomUUID(), stats: STATS }),
      'repository.open': ({ repositoryId }) => {
        this.opened.push(repositoryId);
        this.#tell();
        return { repositoryId, stats: STATS };
      },
      'repository.stats': ({ repositoryId }) => ({ repositoryId, stats: STATS }),
      'point.runs': ({ pointId }) => {
        const told = this.pointRuns.get(pointId);
        if (told === undefined) throw new Failure('point-missing', 'refused', `no test has told of ${pointId}`);
        return told;
      },
      'task.start': (task) => {
        this.started.push(task);
        this.held.push({ taskId: task.taskId, state: 'running' });
        this.#tell();
        return {};
      },
      'task.cancel': ({ taskId }) => {
        this.cancelled.push(taskId);
        this.#tell();
        return {};
      },
    };
  }

  async #greet(peer: ControlPeer): Promise<void> {
    const dataUrl = this.member.role === 'target' ? { dataUrl: 'wss://127.0.0.1:7422' } : {};
    this.#greeting = await peer.call('hello', {
      version: '0.1.0',
      role: this.member.role,
      tasks: this.held,
      ...dataUrl,
    });
    this.hellos++;
    this.#tell();
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function pointOf({ runId, spec }: JobStart & { kind: 'backup' }): TaskPoint {
  const { mode } = spec;
  const hash = Buffer.alloc(32, 7);
  return { id: runId, hash, sequence: 1, createdAt: Date.now(), files: 3, bytes: 300, mode };
}

export function resultOf(task: TaskStart, result: Partial<TaskResult> = {}): TaskResult {
  return {
    outcome: 'done',
    progress: PROGRESS,
    startedAt: Date.now() - 1000,
    finishedAt: Date.now(),
    ...(task.kind === 'backup' && (result.outcome ?? 'done') !== 'failed' ? { point: pointOf(task) } : {}),
    ...result,
  };
}
