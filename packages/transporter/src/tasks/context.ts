import { retrying } from '@sealift/core';
import {
  createTaskKeyPair,
  type Identity,
  openChunkKey,
  openPointKeys,
  openTaskKeys,
  type RunRecord,
  readTicket,
  type TaskKeys,
} from '@sealift/crypto';
import type { LookKeys } from '@sealift/pipeline';
import {
  type BandwidthLimits,
  connectLink,
  type Link,
  type Params,
  type RelayOptions,
  type Result,
  taskKeysContext,
} from '@sealift/wire';
import type { DirectorLine } from '../control/director-line.ts';
import type { HookPlace } from '../hooks/with-hooks.ts';
import type { RevokedCertificates } from '../identity/revoked-certificates.ts';

/** What every task needs of the daemon around it. */
export interface TaskContext extends HookPlace {
  identity: () => Identity;
  /** The identity that a ticket was made out to. */
  identityFor: (ticket: Buffer) => Identity;
  revoked: RevokedCertificates;
  /** What the Director allows on links. */
  bandwidth: BandwidthLimits;
  line: DirectorLine;
  /** How to dial the Director for a connection of its own. */
  director: () => Omit<RelayOptions, 'taskId'>;
  /** Folder for scratch folders of tasks. */
  spool: string;
  /** Folder for what the last run of each job has found. */
  sourceCache: string;
  /** Folder for notes of what is made for a backup and must not outlive it. */
  leftovers: string;
  /** Folder for what disks of virtual machines were made of at the last run of each job. */
  diskNotes: string;
  workers: number;
  postQuantumOnly: boolean;
}

const KEYS_POLICY = { firstDelay: 500, longestDelay: 5_000, patience: 10 * 60_000 };

export type DialContext = Pick<TaskContext, 'identityFor' | 'line' | 'revoked' | 'bandwidth' | 'postQuantumOnly'>;

/** Dials the target of a task with a fresh ticket, as each connection needs one. */
export function dialTarget(taskId: string, context: DialContext, signal: AbortSignal): Promise<Link> {
  return dialWith({ taskId }, context, signal);
}

/** Dials the target that a copy goes to; the ticket is for this recovery point. */
export function dialForCopy(
  of: { taskId: string; pointId: string },
  context: DialContext,
  signal: AbortSignal,
): Promise<Link> {
  return dialWith(of, context, signal);
}

async function dialWith(of: Params<'task.ticket'>, context: DialContext, signal: AbortSignal): Promise<Link> {
  const { identityFor, line, revoked, bandwidth, postQuantumOnly } = context;
  const { ticket, url, targetId } = await line.call('task.ticket', of, signal);
  const identity = identityFor(ticket);
  const link = await connectLink({ url, identity, ticket, expectPeer: targetId, postQuantumOnly }, signal);
  const ends = { own: identity.id, peer: targetId, job: readTicket(ticket).jobId };
  link.paceBy(() => bandwidth.pacersFor(ends));
  return revoked.admit(link);
}

/** Keys of a new run, with the descriptor of the encryption domain that goes into its recovery point. */
export async function keysForWriting(
  taskId: string,
  { line }: TaskContext,
  signal: AbortSignal,
): Promise<{ keys: TaskKeys; descriptor: Buffer }> {
  const pair = createTaskKeyPair();
  const { sealed, descriptor } = await askForKeys(line, { taskId, publicKey: pair.publicKey }, signal);
  return { keys: openTaskKeys(pair, sealed, taskKeysContext(taskId, 'write')), descriptor };
}

/** Keys of the runs under which the chunks of a recovery point are sealed. */
export async function keysForReading(
  taskId: string,
  { runs, descriptor }: { runs: RunRecord[]; descriptor: Buffer },
  { line }: TaskContext,
  signal: AbortSignal,
): Promise<TaskKeys> {
  const pair = createTaskKeyPair();
  const wanted = runs.map(({ runSalt, epoch }) => ({ runSalt, epoch }));
  const { sealed } = await askForKeys(line, { taskId, publicKey: pair.publicKey, runs: wanted, descriptor }, signal);
  return openTaskKeys(pair, sealed, taskKeysContext(taskId, 'read'));
}

/** What a look into a recovery point is given: the keys of the chunks it reads, and the key of no run. */
export function keysForLook(taskId: string, { line }: TaskContext, signal: AbortSignal): LookKeys {
  const pair = createTaskKeyPair();
  const { publicKey } = pair;
  return {
    ofPoint: async (records, descriptor) => {
      const runs = records.map(({ runSalt, epoch }) => ({ runSalt, epoch }));
      const { sealed } = await line.call('point.keys', { taskId, publicKey, runs, descriptor }, signal);
      return openPointKeys(pair, sealed, taskKeysContext(taskId, 'read'));
    },
    ofChunk: async (chunk) => {
      const { sealed } = await line.call('chunk.key', { taskId, publicKey, chunk }, signal);
      return openChunkKey(pair, sealed, taskKeysContext(taskId, 'read'));
    },
  };
}

/** Keys are asked for once, so a Director that is just restarting is waited for. */
function askForKeys(
  line: DirectorLine,
  params: Params<'task.keys'>,
  signal: AbortSignal,
): Promise<Result<'task.keys'>> {
  return retrying(() => line.call('task.keys', params, signal), KEYS_POLICY, signal);
}
