import { readFileSync } from 'node:fs';

export interface MountPoint {
  at: Buffer;
  filesystem: string;
  /** Where it comes from; of filesystems on disks, the node of the device. */
  source: string;
  /** Major and minor number of the device, `253:0`; Btrfs and others have one of their own. */
  device: string;
  readOnly: boolean;
}

/** What is mounted in the view of this process; of several at one place, the last one is seen. */
export function mountPoints(): MountPoint[] {
  return parseMountPoints(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** As of proc(5): id, parent, major:minor, root, mount point, options, optional fields, `-`, type, source, super options. */
export function parseMountPoints(text: string): MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device, , at, options = ''] = before.split(' ');
    const [filesystem, source, superOptions = ''] = after.split(' ');
    if (device === undefined || at === undefined || filesystem === undefined || source === undefined) return [];
    const readOnly = [...options.split(','), ...superOptions.split(',')].includes('ro');
    const from = Buffer.from(unescaped(source), 'latin1').toString();
    return [{ at: Buffer.from(unescaped(at), 'latin1'), filesystem, source: from, device, readOnly }];
  });
}

/** Blanks, tabs, line feeds and backslashes are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
