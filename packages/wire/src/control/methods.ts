import { type Static, Type } from 'typebox';
import { BANDWIDTH_METHODS } from './bandwidth.ts';
import { bytes, Count, Digest, Instant, Role, record, Serial, text, Uuid } from './fields.ts';
import { LOOK_METHODS } from './look-methods.ts';
import { MACHINE_METHODS } from './machine-methods.ts';
import { POINT_METHODS } from './point-methods.ts';
import {
  AdoptedRepository,
  MAX_DESCRIBED_POINTS,
  MAX_SHOWN_POINTS,
  PointReport,
  RepositoryState,
  ShownPoint,
} from './repositories.ts';
import { KeySlot, slotKeyAnswer } from './repository-keys.ts';
import { ProgressFields, TaskResultFields, TaskStart, TaskWarningFields } from './tasks.ts';

const Nothing = record({});
const task = { taskId: Uuid };

const RunReference = record({ runSalt: bytes(32, 32), epoch: Type.Integer({ minimum: 0, maximum: 0xffff_ffff }) });

/** A sealed chunk: what its key is derived from. */
const ChunkReference = record({
  ...RunReference.properties,
  type: Type.Integer({ minimum: 1, maximum: 6 }),
  id: Digest,
  /** r in its header. */
  random: bytes(16, 16),
});

/** At most this many revoked certificates that have not expired: two weeks' worth. */
export const MAX_REVOKED = 10_000;

/** Every method of the control channel: who calls it, its parameters and its result. */
export const METHODS = {
  /** The first call on each connection: who is here, and which tasks it holds. */
  hello: {
    caller: 'transporter',
    params: record({
      version: text(32),
      role: Role,
      name: Type.Optional(text(64)),
      /** Where sources reach this Transporter, `wss://host:port`; targets only. */
      dataUrl: Type.Optional(text(512)),
      tasks: Type.Array(
        record({ taskId: Uuid, state: Type.Union([Type.Literal('running'), Type.Literal('finished')]) }),
        { maxItems: 1024 },
      ),
    }),
    result: record({
      directorId: Uuid,
      /** Public keys that sign tickets, SPKI DER. */
      ticketKeys: Type.Array(bytes(256, 1), { minItems: 1, maxItems: 8 }),
      now: Instant,
      /** Serial numbers of certificates that were revoked and have not expired. */
      revoked: Type.Array(Serial, { maxItems: MAX_REVOKED }),
      /** Jobs whose source it is: what it keeps for others can go. Absent: a Director that does not tell. */
      jobs: Type.Optional(Type.Array(Uuid, { maxItems: 100_000 })),
    }),
  },
  'task.progress': { caller: 'transporter', params: record({ ...task, progress: ProgressFields }), result: Nothing },
  'task.warning': {
    caller: 'transporter',
    params: record({ ...task, warnings: Type.Array(TaskWarningFields, { minItems: 1, maxItems: 100 }) }),
    result: Nothing,
  },
  /** Repeated by the Transporter until it is answered. */
  'task.finished': { caller: 'transporter', params: record({ ...task, result: TaskResultFields }), result: Nothing },
  /** The keys of a source-side task, sealed to a key made for it. With `runs`: those of a point that is read. */
  'task.keys': {
    caller: 'transporter',
    params: record({
      ...task,
      publicKey: bytes(4096, 32),
      runs: Type.Optional(Type.Array(RunReference, { minItems: 1, maxItems: 4096 })),
      /** The descriptor in the recovery point that is read, for a Director that does not know the domain. */
      descriptor: Type.Optional(bytes(128 * 1024)),
    }),
    result: record({ sealed: bytes(768 * 1024), descriptor: bytes(128 * 1024) }),
  },
  /**
   * For looking into a source-side point (`point.entries`, `point.sample`): what shows that the point is genuine, but the
   * key of no run. Sealed to a key made for it.
   */
  'point.keys': {
    caller: 'transporter',
    params: record({
      ...task,
      publicKey: bytes(4096, 32),
      /** The run that made the point first, then the others it lists. */
      runs: Type.Array(RunReference, { minItems: 1, maxItems: 4096 }),
      descriptor: Type.Optional(bytes(128 * 1024)),
    }),
    result: record({ sealed: bytes(768 * 1024) }),
  },
  /** Then, for such a look: the key of one chunk. */
  'chunk.key': {
    caller: 'transporter',
    params: record({
      ...task,
      publicKey: bytes(4096, 32),
      chunk: ChunkReference,
    }),
    result: record({ sealed: bytes(4096) }),
  },
  /** A fresh permission for one connection to the target. */
  'task.ticket': {
    caller: 'transporter',
    params: record({
      ...task,
      /** A copy: the recovery point that the connection is for. */
      pointId: Type.Optional(Uuid),
    }),
    result: record({ ticket: bytes(4096, 1), url: text(512), targetId: Uuid }),
  },
  /** A new certificate for the same Transporter, before the present one ends. */
  'certificate.renew': {
    caller: 'transporter',
    params: record({ request: text(16 * 1024) }),
    result: record({ certificate: text(64 * 1024), authority: text(64 * 1024) }),
  },
  /** Certificates that count no more: sessions under them end, new ones are refused. The whole list each time. */
  'trust.revoked': {
    caller: 'director',
    params: record({ serials: Type.Array(Serial, { maxItems: MAX_REVOKED }) }),
    result: Nothing,
  },
  'repository.create': {
    caller: 'director',
    params: record({
      repositoryId: Type.Optional(Uuid),
      name: text(64),
      /** Absolute, or the address of object storage. */
      path: text(4096),
      /** Encrypted at rest, with this first slot. */
      encryption: Type.Optional(record({ slot: KeySlot, ...slotKeyAnswer })),
    }),
    result: RepositoryState,
  },
  /** A fresh public key of the target, to which one slot key is sealed, within a minute. */
  'repository.challenge': {
    caller: 'director',
    params: Nothing,
    result: record({ challengeId: Uuid, publicKey: bytes(4096, 32) }),
  },
  'repository.unlock': {
    caller: 'director',
    params: record({ repositoryId: Uuid, slotId: Uuid, ...slotKeyAnswer }),
    result: RepositoryState,
  },
  'repository.add-slot': {
    caller: 'director',
    params: record({ repositoryId: Uuid, slot: KeySlot, ...slotKeyAnswer }),
    result: RepositoryState,
  },
  'repository.remove-slot': {
    caller: 'director',
    params: record({ repositoryId: Uuid, slotId: Uuid }),
    result: RepositoryState,
  },
  'repository.open': {
    caller: 'director',
    params: record({ repositoryId: Uuid, path: text(4096) }),
    result: RepositoryState,
  },
  /** Serves it no longer. Nothing of it is touched but its lease, which is given back. */
  'repository.leave': { caller: 'director', params: record({ repositoryId: Uuid }), result: Nothing },
  /** Serves whatever repository is in `path`, which another Director may have had made. */
  'repository.adopt': {
    caller: 'director',
    params: record({ name: text(64), path: text(4096) }),
    result: AdoptedRepository,
  },
  /** One page of the recovery points that a repository shows, ordered by id. */
  'repository.points': {
    caller: 'director',
    params: record({
      repositoryId: Uuid,
      /** Last id of the page before. */
      after: Type.Optional(Uuid),
      limit: Type.Integer({ minimum: 1, maximum: MAX_SHOWN_POINTS }),
    }),
    result: record({ points: Type.Array(ShownPoint, { maxItems: MAX_SHOWN_POINTS }), next: Type.Optional(Uuid) }),
  },
  /** What the files of recovery points say of themselves. As many from the first on as fit one answer, at least one. */
  'repository.describe': {
    caller: 'director',
    params: record({
      repositoryId: Uuid,
      pointIds: Type.Array(Uuid, { minItems: 1, maxItems: MAX_DESCRIBED_POINTS }),
    }),
    result: record({ points: Type.Array(PointReport, { minItems: 1, maxItems: MAX_DESCRIBED_POINTS }) }),
  },
  'repository.stats': { caller: 'director', params: record({ repositoryId: Uuid }), result: RepositoryState },
  ...POINT_METHODS,
  /** Which runs a recovery point really refers to, found out by looking its references up. */
  'point.runs': {
    caller: 'director',
    params: record({ repositoryId: Uuid, pointId: Uuid }),
    result: record({
      /** SHA-256 of the recovery point. */
      hash: Digest,
      runs: Type.Array(RunReference, { maxItems: 4096 }),
      /** Chunks that it refers to and that are not there. */
      missing: Count,
    }),
  },
  'task.start': { caller: 'director', params: TaskStart, result: Nothing },
  /** Also for a task that is unknown: then there is nothing to do. */
  'task.cancel': { caller: 'director', params: record(task), result: Nothing },
  ...LOOK_METHODS,
  ...BANDWIDTH_METHODS,
  ...MACHINE_METHODS,
} as const;

export type Method = keyof typeof METHODS;
export type Params<M extends Method> = Static<(typeof METHODS)[M]['params']>;
export type Result<M extends Method> = Static<(typeof METHODS)[M]['result']>;

/** The methods that one side may call. */
export type MethodOf<C extends 'transporter' | 'director'> = {
  [M in Method]: (typeof METHODS)[M]['caller'] extends C ? M : never;
}[Method];

/**
 * What the keys of a task are bound to when they are sealed: the task and whether they write or read, so that keys
 * sealed for one task cannot be passed off as those of another.
 */
export function taskKeysContext(taskId: string, use: 'write' | 'read'): Buffer {
  return Buffer.from(`sealift/v1/task-keys\0${taskId}\0${use}`);
}
