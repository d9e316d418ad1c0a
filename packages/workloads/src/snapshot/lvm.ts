import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MountPoint } from '../volumes/mount-points.ts';
import { runTool } from '../volumes/run-tool.ts';
import type { Leftovers } from './leftovers.ts';
import { type LogicalVolume, lvmPlan, parseVolume } from './lvm-plan.ts';
import { runSteps } from './run-steps.ts';
import { snapshotName } from './snapshot-name.ts';

/** A snapshot of a logical volume, mounted. */
export interface LvmSnapshot {
  mountPoint: string;
  device: string;
}

/** The logical volume that a filesystem is on, if it is on one. */
export async function volumeOf({ device }: MountPoint, signal?: AbortSignal): Promise<LogicalVolume | undefined> {
  // Others are not asked about: that takes a tool that may not be there.
  const uuid = `/sys/dev/block/${device}/dm/uuid`;
  if (!existsSync(uuid) || !readFileSync(uuid, 'latin1').startsWith('LVM-')) return undefined;
  const options = ['--reportformat', 'json', '--options', 'vg_name,lv_name,pool_lv'];
  return parseVolume(await runTool('lvs', [...options, `/dev/block/${device}`], signal));
}

export async function takeLvmSnapshot(
  volume: LogicalVolume,
  filesystem: string,
  leftovers: Leftovers,
  held: AsyncDisposableStack,
  signal?: AbortSignal,
): Promise<LvmSnapshot> {
  const mountPoint = await mkdtemp(join(tmpdir(), 'sealift-lvm-'));
  const snapshot = `${volume.group}/${snapshotName().slice(1)}`;
  held.use(await leftovers.note({ kind: 'lvm', snapshot, mountPoint }));
  const { make, device } = lvmPlan(volume, snapshot, filesystem, mountPoint);
  await runSteps(make, signal);
  return { mountPoint, device };
}
