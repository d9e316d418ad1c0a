import { readdirSync, readFileSync } from 'node:fs';
import { fail } from '../failures.ts';
import type { Frozen } from './guest-freeze.ts';
import type { QmpClient } from './qmp-client.ts';

/** A disk of a virtual machine, as QEMU has it. */
export interface MachineDisk {
  /** Name of its block node. */
  node: string;
  /** Where it is plugged in. */
  device: string;
  /** Of its image. */
  format: string;
  file: string;
  /** Bytes. */
  size: number;
  /** Whether a bitmap can be kept in its image while the machine is off. */
  keepsBitmaps: boolean;
  bitmaps: BitmapInfo[];
  /** Name of the image that it makes. */
  image: string;
}

/** A dirty bitmap of a disk, as QEMU tells of it. */
export interface BitmapInfo {
  name: string;
  recording: boolean;
  inconsistent: boolean;
  /** Bytes. */
  granularity: number;
}

/** What a virtual machine is: enough to start it again, by hand or by a program. */
export interface MachineDefinition {
  name: string;
  uuid: string;
  qemu: string;
  /** The command line of its process, where that could be found. */
  command?: string[];
  /** Filesystems of its guest that were frozen at the instant of the disks. */
  frozenFilesystems: number;
  disks: Omit<MachineDisk, 'bitmaps' | 'keepsBitmaps'>[];
}

interface BlockInfo {
  device?: unknown;
  qdev?: unknown;
  inserted?: {
    ro?: unknown;
    drv?: unknown;
    file?: unknown;
    'node-name'?: unknown;
    image?: { 'virtual-size'?: unknown; 'format-specific'?: { data?: { compat?: unknown } } };
    'dirty-bitmaps'?: unknown;
  };
}

const MOST_DISKS = 256;
/** Name of the entry that says what a machine is. */
export const DEFINITION = 'machine.json';

/** The disks that the machine can write to; others do not change, and are not part of a point. */
export async function disksOf(qmp: QmpClient): Promise<MachineDisk[]> {
  const devices = await qmp.execute<BlockInfo[]>('query-block');
  if (!Array.isArray(devices) || devices.length > MOST_DISKS) throw implausible();
  const disks = devices.flatMap(({ device, qdev, inserted }) => {
    if (inserted === undefined || inserted.ro !== false) return [];
    const place = typeof qdev === 'string' && qdev !== '' ? qdev : device;
    return [diskOf(place, inserted)];
  });
  if (disks.length === 0) throw fail('vm-without-disks', 'The virtual machine has no disk that it can write to.');
  const images = imageNames(disks);
  return disks.map((disk, i) => ({ ...disk, image: images[i] as string }));
}

/** By the place where each is plugged in, told apart by a number where two are alike. */
function imageNames(disks: Omit<MachineDisk, 'image'>[]): string[] {
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

function diskOf(device: unknown, inserted: NonNullable<BlockInfo['inserted']>): Omit<MachineDisk, 'image'> {
  const { 'node-name': node, drv: format, file, image } = inserted;
  const size = image?.['virtual-size'];
  const texts = [device, node, format, file];
  if (!texts.every((text) => typeof text === 'string') || !Number.isSafeInteger(size) || (size as number) < 1) {
    throw implausible();
  }
  // The first version of qcow2 had no place for them.
  const keepsBitmaps = format === 'qcow2' && image?.['format-specific']?.data?.compat !== '0.10';
  const bitmaps = bitmapsOf(inserted['dirty-bitmaps']);
  return { device, node, format, file, size, keepsBitmaps, bitmaps } as Omit<MachineDisk, 'image'>;
}

function bitmapsOf(told: unknown): BitmapInfo[] {
  if (!Array.isArray(told)) return [];
  return told.flatMap(({ name, recording, inconsistent, granularity }: Record<string, unknown>) =>
    typeof name === 'string'
      ? [
          {
            name,
            recording: recording === true,
            inconsistent: inconsistent === true,
            granularity: Number(granularity),
          },
        ]
      : [],
  );
}

export async function definitionOf(
  qmp: QmpClient,
  socket: string,
  disks: MachineDisk[],
  frozen: Frozen | undefined,
): Promise<MachineDefinition> {
  const { name } = await qmp.execute<{ name?: string }>('query-name');
  const { UUID } = await qmp.execute<{ UUID?: string }>('query-uuid');
  const { qemu } = await qmp.execute<{ qemu?: { major?: number; minor?: number; micro?: number } }>('query-version');
  const command = commandLineWith(socket);
  return {
    name: String(name ?? ''),
    uuid: String(UUID ?? ''),
    qemu: [qemu?.major, qemu?.minor, qemu?.micro].join('.'),
    ...(command === undefined ? {} : { command }),
    frozenFilesystems: frozen === undefined || frozen.trouble !== undefined ? 0 : frozen.filesystems,
    disks: disks.map(({ bitmaps: _, keepsBitmaps: __, ...disk }) => disk),
  };
}

/** The monitor does not tell how its process was started; the system does, to those who may see it. */
function commandLineWith(socket: string): string[] | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      if (program.includes('qemu') && args.some((arg) => arg.includes(socket))) return [program, ...args];
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

function implausible(): Error {
  return fail('vm-violation', 'QEMU tells something of its disks that cannot be.');
}
