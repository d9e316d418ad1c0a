import { existsSync } from 'node:fs';
import { mountPoints } from '../volumes/mount-points.ts';
import type { Step } from './run-steps.ts';

/** A logical volume, as `lvs` tells of it. */
export interface LogicalVolume {
  group: string;
  name: string;
  /** Thin volumes need no room of their own for a snapshot. */
  thin: boolean;
}

/** Room for what is overwritten while the snapshot is read; one that overflows is lost, and reading it fails. */
const COPY_ROOM = '15%ORIGIN';

/**
 * The steps that make a read-only snapshot and mount it. LVM freezes the filesystem while it is made, so that its log is
 * written out and need not be replayed, which a read-only device would not allow.
 *
 * @param mountPoint an empty folder
 * @param device the node of the snapshot
 */
export function lvmPlan(
  volume: LogicalVolume,
  snapshot: string,
  filesystem: string,
  mountPoint: string,
): { make: Step[]; device: string } {
  const { group, name, thin } = volume;
  const short = snapshot.slice(snapshot.indexOf('/') + 1);
  const kind = thin ? ['--setactivationskip', 'n'] : ['--extents', COPY_ROOM];
  const device = `/dev/${group}/${short}`;
  return {
    device,
    make: [
      ['lvcreate', '--quiet', '--snapshot', '--permission', 'r', ...kind, '--name', short, `${group}/${name}`],
      ['mount', '-o', mountOptions(filesystem), device, mountPoint],
    ],
  };
}

function mountOptions(filesystem: string): string {
  if (filesystem === 'xfs') return 'ro,nouuid,norecovery';
  return /^ext[234]$/.test(filesystem) ? 'ro,noload' : 'ro';
}

/** The steps that take it away again, of those that are needed still. */
export function lvmRemoval(made: { snapshot: string; mountPoint: string }): Step[] {
  const steps: Step[] = [];
  if (isMounted(made.mountPoint)) steps.push(['umount', made.mountPoint]);
  if (existsSync(`/dev/${made.snapshot}`)) steps.push(['lvremove', '--quiet', '--force', '--', made.snapshot]);
  if (existsSync(made.mountPoint)) steps.push(['rmdir', made.mountPoint]);
  return steps;
}

function isMounted(path: string): boolean {
  return mountPoints().some(({ at }) => at.toString() === path);
}

/** @param text of `lvs --reportformat json --options vg_name,lv_name,pool_lv`; undefined: it is no logical volume */
export function parseVolume(text: string): LogicalVolume | undefined {
  const report = JSON.parse(text) as { report?: { lv?: { vg_name?: string; lv_name?: string; pool_lv?: string }[] }[] };
  const [volume] = report.report?.[0]?.lv ?? [];
  if (!volume?.vg_name || !volume.lv_name) return undefined;
  return { group: volume.vg_name, name: volume.lv_name, thin: Boolean(volume.pool_lv) };
}
