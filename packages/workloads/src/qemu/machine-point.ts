import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Failure, toFailure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdAddress } from '../nbd/address.ts';
import { OURS, removeOurs, startServer } from './block-work.ts';
import { frozenName } from './checkpoints.ts';
import { type Frozen, GuestFreeze } from './guest-freeze.ts';
import { Increments, type Tracking } from './increments.ts';
import { disksOf, type MachineDisk } from './machine.ts';
import { QmpClient } from './qmp-client.ts';
import { hasRoom, SpaceGuard } from './space-guard.ts';

export interface MachinePointOptions {
  /** Of the monitor. */
  socket: string;
  /** A folder with room for what the machine overwrites meanwhile; QEMU opens files in it. */
  scratch: string;
  /** Told why, when the point had to be given up. */
  onLost: (failure: Failure) => void;
  /** Of the agent in the guest: its filesystems are frozen for the instant. */
  agent?: string;
  /** With it, dirty bitmaps are kept from one run of a job to its next. */
  tracking?: Tracking;
}

type PointParts = Pick<MachinePoint, 'qmp' | 'disks' | 'address' | 'increments' | 'frozen'>;

/**
 * All disks of a running virtual machine as they were at one instant, served to read while the machine goes on: what it
 * overwrites is first copied aside, into one fleecing image a disk.
 */
export class MachinePoint implements AsyncDisposable {
  readonly qmp: QmpClient;
  readonly disks: MachineDisk[];
  /** Each disk has an export of the name of its node. */
  readonly address: NbdAddress;
  readonly increments: Increments;
  /** Undefined without an agent. */
  readonly frozen: Frozen | undefined;
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: PointParts, resources: AsyncDisposableStack) {
    this.qmp = parts.qmp;
    this.disks = parts.disks;
    this.address = parts.address;
    this.increments = parts.increments;
    this.frozen = parts.frozen;
    this.#resources = resources;
  }

  /**
   * @throws Failure `vm-unreachable`, `vm-busy`, `vm-refused`, `vm-without-disks`, `image-tool-missing`
   */
  static async take(options: MachinePointOptions, signal?: AbortSignal): Promise<MachinePoint> {
    const { socket, scratch, onLost, tracking, agent } = options;
    if (!(await hasRoom(scratch))) throw noRoom(scratch);
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'sealift-vm-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const fleecing = await mkdtemp(join(scratch, 'fleecing-'));
    resources.defer(() => rm(fleecing, { recursive: true, force: true }));
    const qmp = resources.use(await QmpClient.connect(socket, signal));
    await removeOurs(qmp);
    const disks = await disksOf(qmp);
    const increments = await Increments.prepare(qmp, disks, tracking);
    const leaving = leaveOnce(qmp, increments);
    resources.defer(leaving);
    for (const [i, disk] of disks.entries()) await addFleecing(qmp, disk, i, join(fleecing, `${i}.qcow2`));
    signal?.throwIfAborted();
    resources.use(
      new SpaceGuard(scratch, () => {
        onLost(noRoom(scratch));
        leaving().catch(() => {});
      }),
    );
    const frozen = await whileFrozen(agent, () => startInstant(qmp, disks, increments), signal);
    const address = { path: join(folder, 'nbd') };
    await startServer(qmp, address.path);
    for (const [i, disk] of disks.entries()) await addExport(qmp, disk, i, increments.usable(disk));
    return new MachinePoint({ qmp, disks, address, increments, frozen }, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function noRoom(scratch: string): Failure {
  return fail('vm-no-room', `There is too little room in ${scratch} for what the virtual machine overwrites.`);
}

/** Whatever becomes of the work, the guest is thawed. */
async function whileFrozen(
  agent: string | undefined,
  work: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<Frozen | undefined> {
  if (agent === undefined) {
    await work();
    return undefined;
  }
  const freeze = await GuestFreeze.begin(agent, undefined, signal);
  try {
    signal?.throwIfAborted();
    await work();
  } catch (thrown) {
    await freeze.thaw();
    throw thrown;
  }
  return freeze.thaw();
}

/** The instant: all of it or nothing. What works without bitmaps only is done without. */
async function startInstant(qmp: QmpClient, disks: MachineDisk[], increments: Increments): Promise<void> {
  const copying = disks.map(startCopying);
  try {
    await qmp.execute('transaction', { actions: [...increments.actions(), ...copying] });
    increments.begin();
  } catch (thrown) {
    const { code, message } = toFailure(thrown);
    if (code !== 'vm-refused' || !increments.active) throw thrown;
    increments.giveUp(message);
    await qmp.execute('transaction', { actions: copying });
  }
}

/** Leaves nothing of ours in a machine, whoever asks first. */
function leaveOnce(qmp: QmpClient, increments: Increments): () => Promise<void> {
  let left: Promise<void> | undefined;
  return () => {
    left ??= leave(qmp, increments);
    return left;
  };
}

/** Of a machine that has ended meanwhile nothing has to be removed. */
async function leave(qmp: QmpClient, increments: Increments): Promise<void> {
  try {
    await removeOurs(qmp);
    await increments.end();
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== 'vm-unreachable') throw thrown;
  }
}

async function addFleecing(qmp: QmpClient, { node, size }: MachineDisk, i: number, file: string): Promise<void> {
  await createImage(file, size);
  const blockdev = { driver: 'qcow2', 'node-name': `${OURS}fleecing-${i}`, file: { driver: 'file', filename: file } };
  await qmp.execute('blockdev-add', { ...blockdev, backing: node });
}

function startCopying({ node }: MachineDisk, i: number) {
  const data = { 'job-id': `${OURS}job-${i}`, device: node, target: `${OURS}fleecing-${i}`, sync: 'none' };
  return { type: 'blockdev-backup', data };
}

async function addExport(qmp: QmpClient, { node: name }: MachineDisk, i: number, changes: boolean): Promise<void> {
  const node = `${OURS}fleecing-${i}`;
  // By its name alone, which is looked for in what the fleecing image is based on, as every version of QEMU does.
  const bitmaps = changes ? { bitmaps: [frozenName(i)] } : {};
  const what = { id: `${OURS}export-${i}`, type: 'nbd', 'node-name': node, name, writable: false };
  await qmp.execute('block-export-add', { ...what, ...bitmaps });
}

async function createImage(file: string, size: number): Promise<void> {
  try {
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', file, String(size)]);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'qemu-img is not installed' : (cause as Error).message;
    throw fail(
      missing ? 'image-tool-missing' : 'vm-refused',
      `No image for what a virtual machine overwrites: ${why}.`,
      {
        cause,
      },
    );
  }
}
