import { fail } from '../failures.ts';
import { probe } from './probe.ts';
import { runTool } from './run-tool.ts';

/** A disk, a partition, or what is made of them (LVM, RAID, LUKS), as the system names it. */
export interface BlockDevice {
  /** Path of its node, `/dev/sda1`. */
  path: string;
  /** Paths of what it is a part of or made of. */
  parents: string[];
  /** As of lsblk: `disk`, `part`, `loop`, `lvm`, `crypt`, `raid1`, `rom`, ... */
  type: string;
  /** Bytes. */
  size: number;
  readOnly: boolean;
  removable: boolean;
  model?: string;
  serial?: string;
  /** `gpt` or `dos`, on what holds a partition table. */
  table?: string;
  filesystem?: string;
  label?: string;
  uuid?: string;
  mountPoints: string[];
}

export interface FoundDevices {
  devices: BlockDevice[];
  /** What could not be found out, and why. */
  notes: string[];
}

const COLUMNS = [
  'path',
  'type',
  'size',
  'ro',
  'rm',
  'model',
  'serial',
  'pttype',
  'fstype',
  'label',
  'uuid',
  'mountpoints',
];
/** Devices that are told of; the rest is a note. */
export const MOST_DEVICES = 1024;
/** Devices that are read to see what is on them. */
const MOST_PROBED = 64;
const MOST_MOUNT_POINTS = 64;
const LONGEST_TEXT = 255;
const DEEPEST = 32;

/**
 * The block devices of this machine, what holds others before what is in it. Loop devices without a file are left out.
 * @throws Failure `disk-tool-missing`, `disks-unknown`
 */
export async function findBlockDevices(signal?: AbortSignal): Promise<FoundDevices> {
  const text = await runTool('lsblk', ['--json', '--bytes', '--output', COLUMNS.join(',')], signal);
  const found = parseBlockDevices(text);
  await probeUnknown(found.devices, signal);
  if (process.geteuid?.() !== 0) {
    found.notes.push('The Transporter does not run as root: filesystems may be unknown, and devices cannot be read.');
  }
  return found;
}

/** Where udev does not run, as in containers, lsblk knows of no filesystems. */
async function probeUnknown(devices: BlockDevice[], signal: AbortSignal | undefined): Promise<void> {
  const holders = new Set(devices.flatMap(({ parents }) => parents));
  const unknown = devices.filter(
    ({ path, size, filesystem, table }) => size > 0 && (filesystem ?? table) === undefined && !holders.has(path),
  );
  for (const device of unknown.slice(0, MOST_PROBED)) Object.assign(device, await probe(device.path, signal));
}

/** @param text what lsblk printed @throws Failure `disks-unknown` */
export function parseBlockDevices(text: string): FoundDevices {
  const found = new Map<string, BlockDevice>();
  let left = 0;
  for (const { device, parent } of nodesBelow(listOf(parsed(text), 'blockdevices'), undefined, 0)) {
    const known = found.get(device.path);
    if (known === undefined && found.size >= MOST_DEVICES) {
      left++;
      continue;
    }
    if (known === undefined) found.set(device.path, device);
    if (parent !== undefined) (known ?? device).parents.push(parent);
  }
  const notes = left === 0 ? [] : [`${left} more devices are not told of.`];
  return { devices: [...found.values()].filter(({ type, size }) => type !== 'loop' || size > 0), notes };
}

/** Depth first; what is made of several disks comes below each of them. */
function* nodesBelow(
  nodes: unknown[],
  parent: string | undefined,
  depth: number,
): Generator<{ device: BlockDevice; parent: string | undefined }> {
  if (depth > DEEPEST) return;
  for (const node of nodes) {
    const device = deviceOf(node);
    if (device === undefined) continue;
    yield { device, parent };
    yield* nodesBelow(listOf(node, 'children'), device.path, depth + 1);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw fail('disks-unknown', `lsblk printed something other than JSON: ${text.slice(0, 80)}`, { cause });
  }
}

type Fields = Record<string, unknown>;

function listOf(node: unknown, name: string): unknown[] {
  const list = (node as Fields | null)?.[name];
  return Array.isArray(list) ? list : [];
}

function deviceOf(node: unknown): BlockDevice | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const fields = node as Fields;
  const path = textOf(fields.path);
  if (path === undefined) return undefined;
  const texts = {
    model: 'model',
    serial: 'serial',
    table: 'pttype',
    filesystem: 'fstype',
    label: 'label',
    uuid: 'uuid',
  };
  const told = Object.entries(texts).flatMap(([name, column]) => {
    const text = textOf(fields[column]);
    return text === undefined ? [] : [[name, text] as const];
  });
  const points = listOf(fields, 'mountpoints').flatMap((point) => textOf(point) ?? []);
  return {
    path,
    parents: [],
    type: textOf(fields.type) ?? 'unknown',
    size: sizeOf(fields.size),
    readOnly: fields.ro === true,
    removable: fields.rm === true,
    ...Object.fromEntries(told),
    mountPoints: points.slice(0, MOST_MOUNT_POINTS),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, LONGEST_TEXT) : undefined;
}

function sizeOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
