import { statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '@sealift/core';
import type { FoundEntry, OpenRoot } from '../entry.ts';
import { excludeRules } from '../exclude.ts';
import { walk } from '../source/walk.ts';
import { definitionOf, type MachineDisk } from './machine.ts';
import { MachinePoint } from './machine-point.ts';

const DEFINITION = 'machine.json';

/** Whether a source is the socket of a monitor: nothing else at a socket can be protected. */
export function isMachine(path: Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/**
 * A folder with one disk image a disk and what the machine is, `machine.json`. The point is held until it is disposed of.
 * @param name of the folder in the tree
 * @param onLost told why, when the point had to be given up while it was held
 */
export async function openMachine(
  path: Buffer,
  name: Buffer,
  scratch: string,
  onLost: (failure: Failure) => void,
  signal?: AbortSignal,
): Promise<OpenRoot> {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(scratch, 'machine-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const socket = path.toString();
  const point = resources.use(await MachinePoint.take(socket, scratch, onLost, signal));
  const images = imageNames(point.disks);
  const definition = await definitionOf(point.qmp, socket, point.disks, images);
  await writeFile(join(folder, DEFINITION), `${JSON.stringify(definition, null, 2)}\n`, { mode: 0o600 });
  const entries = entriesOf(point, images, name, join(folder, DEFINITION));
  const held = resources.move();
  return { entries, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** By the place where each is plugged in, told apart by a number where two are alike. */
function imageNames(disks: MachineDisk[]): string[] {
  const taken = new Set<string>([DEFINITION]);
  return disks.map(({ device, node }) => {
    const place = device.split('/').findLast((part) => part !== '' && part !== 'virtio-backend') ?? node;
    const stem = place.replace(/[^\w.-]/g, '_');
    let image = `${stem}.raw`;
    for (let copy = 2; taken.has(image); copy++) image = `${stem}~${copy}.raw`;
    taken.add(image);
    return image;
  });
}

function entriesOf(point: MachinePoint, images: string[], name: Buffer, definition: string): FoundEntry[] {
  const [item] = walk(Buffer.from(definition), { name: below(name, DEFINITION), exclude: excludeRules([]) });
  if (item === undefined || !('entry' in item)) throw new Error('the definition was just written');
  const { entry } = item;
  const disks = point.disks.map(({ node, size }, i): FoundEntry => {
    const nbd = { address: point.address, exportName: node };
    return {
      ...entry,
      path: below(name, images[i] as string),
      size,
      disk: true,
      source: { ...entry.source, size, nbd },
    };
  });
  const inOrder = [entry, ...disks].sort((a, b) => a.path.compare(b.path));
  return [{ ...entry, kind: 'directory', path: name, mode: 0o700, size: 0 }, ...inOrder];
}

function below(folder: Buffer, name: string): Buffer {
  return Buffer.concat([folder, Buffer.from(`/${name}`)]);
}

/** The name of the folder of a machine with a monitor of this name: `web.qmp` or `web.sock` is `web`. */
export function machineName(socket: Buffer): Buffer {
  const stem = socket.toString('latin1').replace(/\.(qmp|sock|socket|monitor)$/, '');
  return stem === '' ? socket : Buffer.from(stem, 'latin1');
}
