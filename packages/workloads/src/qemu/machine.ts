import { readdirSync, readFileSync } from 'node:fs';
import { fail } from '../failures.ts';
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
}

/** What a virtual machine is: enough to start it again, by hand or by a program. */
export interface MachineDefinition {
  name: string;
  uuid: string;
  qemu: string;
  /** The command line of its process, where that could be found. */
  command?: string[];
  disks: (MachineDisk & { image: string })[];
}

interface BlockInfo {
  device?: unknown;
  qdev?: unknown;
  inserted?: {
    ro?: unknown;
    drv?: unknown;
    file?: unknown;
    'node-name'?: unknown;
    image?: { 'virtual-size'?: unknown };
  };
}

const MOST_DISKS = 256;

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
  return disks;
}

function diskOf(device: unknown, inserted: NonNullable<BlockInfo['inserted']>): MachineDisk {
  const { 'node-name': node, drv: format, file, image } = inserted;
  const size = image?.['virtual-size'];
  const texts = [device, node, format, file];
  if (!texts.every((text) => typeof text === 'string') || !Number.isSafeInteger(size) || (size as number) < 1) {
    throw implausible();
  }
  return { device, node, format, file, size } as MachineDisk;
}

/** @param images names of the entries that the disks make */
export async function definitionOf(
  qmp: QmpClient,
  socket: string,
  disks: MachineDisk[],
  images: string[],
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
    disks: disks.map((disk, i) => ({ ...disk, image: images[i] as string })),
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
