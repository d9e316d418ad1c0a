import { statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ImageLengths } from '../disks/image-lengths.ts';
import type { FoundEntry, NoticeCode, OpenRoot, TrackedDisk, Warning } from '../entry.ts';
import { excludeRules } from '../exclude.ts';
import { walk } from '../source/walk.ts';
import { frozenName } from './checkpoints.ts';
import type { Tracking } from './increments.ts';
import { DEFINITION, definitionOf } from './machine.ts';
import { MachinePoint, type MachinePointOptions } from './machine-point.ts';

export interface OpenMachineOptions extends Omit<MachinePointOptions, 'socket' | 'agent' | 'tracking'> {
  /** With it, dirty bitmaps are kept from one run of a job to its next. */
  tracking?: Omit<Tracking, 'before'> & {
    /** A disk as it was read before, by its path in the tree. */
    before: (path: Buffer) => Omit<TrackedDisk, 'path'> | undefined;
  };
}

/** Whether a source is the socket of a monitor: nothing else at a socket can be protected. */
export function isMachine(path: Buffer): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

/**
 * A folder with one disk image a disk and what the machine is, `machine.json`. The point is held until it is disposed of.
 * @param name of the folder in the tree
 */
export async function openMachine(
  path: Buffer,
  name: Buffer,
  options: OpenMachineOptions,
  signal?: AbortSignal,
): Promise<OpenRoot> {
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(options.scratch, 'machine-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const socket = path.toString();
  const point = resources.use(await MachinePoint.take(pointOptions(options, socket, name), signal));
  const definition = await definitionOf(point.qmp, socket, point.disks, point.frozen);
  await writeFile(join(folder, DEFINITION), `${JSON.stringify(definition, null, 2)}\n`, { mode: 0o600 });
  const entries = entriesOf(point, name, join(folder, DEFINITION));
  const lengths = new ImageLengths(point.disks.map(({ file }) => file));
  const check = () => lengths.check();
  const held = resources.move();
  return { entries, check, ...trackingOf(point, name), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Beside the monitor `web.qmp`, the agent is at `web.qga`. */
function agentSocket(socket: string): string | undefined {
  const agent = join(dirname(socket), `${machineName(Buffer.from(basename(socket)))}.qga`);
  return agent !== socket && statSync(agent, { throwIfNoEntry: false })?.isSocket() === true ? agent : undefined;
}

function pointOptions(options: OpenMachineOptions, socket: string, name: Buffer): MachinePointOptions {
  const { tracking, ...rest } = options;
  const agent = agentSocket(socket);
  const others = agent === undefined ? rest : { ...rest, agent };
  if (tracking === undefined) return { ...others, socket };
  const before = (image: string) => tracking.before(below(name, image));
  return { ...others, socket, tracking: { ...tracking, before } };
}

function trackingOf(
  { increments, disks, frozen }: MachinePoint,
  name: Buffer,
): Pick<OpenRoot, 'notices' | 'tracked' | 'keep'> {
  const bitmap = increments.next;
  const notices: Warning<NoticeCode>[] = [...increments.inFull].map(
    ([image, why]) =>
      ({ path: below(name, image), code: 'read-in-full', message: `all of it is read: ${why}` }) as const,
  );
  if (frozen?.trouble !== undefined) {
    const message = `the guest was not frozen, its disks are as after a power cut: ${frozen.trouble}`;
    notices.push({ path: name, code: 'not-frozen', message });
  }
  if (bitmap === undefined) return { notices };
  return {
    notices,
    tracked: disks.map(({ size, image }) => ({ path: below(name, image), size, bitmap })),
    keep: () => {
      increments.kept = true;
    },
  };
}

function entriesOf({ disks, increments, address }: MachinePoint, name: Buffer, definition: string): FoundEntry[] {
  const [item] = walk(Buffer.from(definition), { name: below(name, DEFINITION), exclude: excludeRules([]) });
  if (item === undefined || !('entry' in item)) throw new Error('the definition was just written');
  const { entry } = item;
  const images = disks.map((disk, i): FoundEntry => {
    const { node, size, image } = disk;
    const changes = increments.usable(disk) ? { changes: `qemu:dirty-bitmap:${frozenName(i)}` } : {};
    const nbd = { address, exportName: node, ...changes };
    return { ...entry, path: below(name, image), size, disk: true, source: { ...entry.source, size, nbd } };
  });
  const inOrder = [entry, ...images].sort((a, b) => a.path.compare(b.path));
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
