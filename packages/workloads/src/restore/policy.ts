import type { EntryMetadata } from '../entry.ts';
import type { FileStatus } from '../posix/stat.ts';
import type { Located } from './destination.ts';
import { NotRestored, type OnRestoreWarning } from './warnings.ts';

export interface RestorePolicy {
  /** What happens to a name that is there already; `older`: replaced when its modification time is the older one. */
  overwrite: 'never' | 'older' | 'always';
  /** Whether to apply setuid, setgid and capabilities, and to make device nodes: what can hand privileges to others. */
  special: boolean;
  onWarning: OnRestoreWarning;
}

export function mayReplace(policy: RestorePolicy, existing: FileStatus, entry: EntryMetadata): boolean {
  if (policy.overwrite === 'older') return existing.mtimeNs < entry.mtimeNs;
  return policy.overwrite === 'always';
}

/** Throws NotRestored unless the rule allows replacing what is there. A folder is never replaced by something else. */
export function checkReplaceable(policy: RestorePolicy, existing: FileStatus | undefined, entry: EntryMetadata): void {
  if (existing === undefined) return;
  if (!mayReplace(policy, existing, entry)) {
    throw new NotRestored('kept', `is not restored: it exists, and the overwrite rule is "${policy.overwrite}"`);
  }
  if (existing.kind === 'directory') {
    throw new NotRestored('in-the-way', 'is not restored: a folder of that name is there');
  }
}

let temporaries = 0;
const series = `${process.pid.toString(36)}${Math.random().toString(36).slice(2, 10)}`;

/** A name beside the final one for what is not finished yet; what a crash leaves behind is known by its beginning. */
export function temporaryName(): Buffer {
  temporaries += 1;
  return Buffer.from(`.sealift-restore-${series}-${temporaries.toString(36)}`);
}

export function besides(located: Located): Located {
  return { directory: located.directory, name: temporaryName() };
}
