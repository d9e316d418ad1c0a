import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Failure } from '@sealift/core';
import { fail } from '../failures.ts';
import type { NbdAddress } from '../nbd/address.ts';
import { OURS, removeOurs, startServer } from './block-work.ts';
import { disksOf, type MachineDisk } from './machine.ts';
import { QmpClient } from './qmp-client.ts';
import { hasRoom, SpaceGuard } from './space-guard.ts';

/**
 * All disks of a running virtual machine as they were at one instant, served to read while the machine goes on: what it
 * overwrites is first copied aside, into one fleecing image a disk.
 */
export class MachinePoint implements AsyncDisposable {
  readonly qmp: QmpClient;
  readonly disks: MachineDisk[];
  /** Each disk has an export of the name of its node. */
  readonly address: NbdAddress;
  readonly #resources: AsyncDisposableStack;

  private constructor(qmp: QmpClient, disks: MachineDisk[], address: NbdAddress, resources: AsyncDisposableStack) {
    this.qmp = qmp;
    this.disks = disks;
    this.address = address;
    this.#resources = resources;
  }

  /**
   * @param socket of the monitor
   * @param scratch a folder with room for what the machine overwrites meanwhile; QEMU opens files in it
   * @param onLost told why, when the point had to be given up
   * @throws Failure `vm-unreachable`, `vm-busy`, `vm-refused`, `vm-without-disks`, `image-tool-missing`
   */
  static async take(
    socket: string,
    scratch: string,
    onLost: (failure: Failure) => void,
    signal?: AbortSignal,
  ): Promise<MachinePoint> {
    if (!(await hasRoom(scratch))) throw noRoom(scratch);
    await using resources = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'sealift-vm-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const fleecing = await mkdtemp(join(scratch, 'fleecing-'));
    resources.defer(() => rm(fleecing, { recursive: true, force: true }));
    const qmp = resources.use(await QmpClient.connect(socket, signal));
    await removeOurs(qmp);
    const disks = await disksOf(qmp);
    resources.defer(() => leave(qmp));
    for (const [i, disk] of disks.entries()) await addFleecing(qmp, disk, i, join(fleecing, `${i}.qcow2`));
    signal?.throwIfAborted();
    resources.use(
      new SpaceGuard(scratch, () => {
        onLost(noRoom(scratch));
        leave(qmp).catch(() => {});
      }),
    );
    // The instant: all of it or nothing.
    await qmp.execute('transaction', { actions: disks.map(startCopying) });
    const address = { path: join(folder, 'nbd') };
    await startServer(qmp, address.path);
    for (const [i, { node }] of disks.entries()) await addExport(qmp, node, i);
    return new MachinePoint(qmp, disks, address, resources.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function noRoom(scratch: string): Failure {
  return fail('vm-no-room', `There is too little room in ${scratch} for what the virtual machine overwrites.`);
}

/** Of a machine that has ended meanwhile nothing has to be removed. */
async function leave(qmp: QmpClient): Promise<void> {
  try {
    await removeOurs(qmp);
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

async function addExport(qmp: QmpClient, name: string, i: number): Promise<void> {
  const node = `${OURS}fleecing-${i}`;
  await qmp.execute('block-export-add', {
    id: `${OURS}export-${i}`,
    type: 'nbd',
    'node-name': node,
    name,
    writable: false,
  });
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
