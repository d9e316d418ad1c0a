import type { EntryMetadata } from '../entry.ts';
import { getXattr, listXattrs, removeXattr, setXattr, type XattrTarget } from '../posix/xattrs.ts';
import type { RestorePolicy } from './policy.ts';
import { restoreWarning } from './warnings.ts';

/** The thing that gets the metadata, by open file or by name within an open directory. */
export interface MetadataTarget {
  xattrs: XattrTarget;
  chown(uid: number, gid: number): void;
  /** Absent for links, which have no mode. */
  chmod?: (mode: number) => void;
  setMtime(mtimeNs: bigint): void;
}

const SET_ID = 0o6000;
const CAPABILITY = Buffer.from('security.capability');
/** Attributes that a new file can have got from its folder, or an old one from before, and that must go. */
const REPLACED = /^(user\.|system\.posix_acl_|security\.capability$)/;

const IS_ROOT = process.geteuid?.() === 0;

/**
 * Applies owner, attributes, mode and time in the one order that works: changing the owner clears setuid and
 * capabilities, attributes need the mode of now (0600 or 0700), and everything before changes the time.
 */
export function applyMetadata(target: MetadataTarget, entry: EntryMetadata, policy: RestorePolicy): void {
  const problems: string[] = [];
  const owned = applyOwner(target, entry, problems);
  const special = owned && policy.special;
  if (applyXattrs(target.xattrs, entry, special, problems)) leaveOff(entry, policy, 'capabilities');
  const setId = entry.kind === 'directory' ? 0 : entry.mode & SET_ID;
  if (setId !== 0 && !special) leaveOff(entry, policy, 'setuid or setgid');
  const mode = special ? entry.mode : entry.mode & ~setId;
  attempt(problems, 'mode', () => target.chmod?.(mode));
  attempt(problems, 'time', () => target.setMtime(entry.mtimeNs));
  if (!owned && !IS_ROOT) {
    policy.onWarning(restoreWarning(entry.path, 'owner-kept', `does not get its owner ${entry.uid}:${entry.gid} back`));
  }
  if (problems.length > 0) {
    policy.onWarning(restoreWarning(entry.path, 'attributes', `is restored without: ${problems.join('; ')}`));
  }
}

/** Only root gives files away; others may still choose among their own groups. */
function applyOwner(target: MetadataTarget, entry: EntryMetadata, problems: string[]): boolean {
  if (!IS_ROOT && entry.uid !== process.geteuid?.()) return false;
  try {
    target.chown(entry.uid, entry.gid);
    return true;
  } catch (thrown) {
    if (IS_ROOT) problems.push(`owner (${codeOf(thrown)})`);
    return false;
  }
}

/** Returns whether capabilities were left off. */
function applyXattrs(target: XattrTarget, entry: EntryMetadata, special: boolean, problems: string[]): boolean {
  const wanted = entry.xattrs ?? [];
  const present = listXattrs(target);
  for (const name of present) {
    const stays = wanted.some(([other]) => other.equals(name));
    if (stays || !REPLACED.test(name.toString('latin1'))) continue;
    attempt(problems, name.toString(), () => removeXattr(target, name));
  }
  let leftOff = false;
  for (const [name, value] of wanted) {
    if (name.equals(CAPABILITY) && !special) {
      leftOff = true;
      continue;
    }
    const isThere = present.some((other) => other.equals(name)) && getXattr(target, name)?.equals(value) === true;
    if (!isThere) attempt(problems, name.toString(), () => setXattr(target, name, value));
  }
  return leftOff;
}

function leaveOff(entry: EntryMetadata, policy: RestorePolicy, what: string): void {
  policy.onWarning(restoreWarning(entry.path, 'special-skipped', `is restored without its ${what}`));
}

function attempt(problems: string[], what: string, work: () => void): void {
  try {
    work();
  } catch (thrown) {
    problems.push(`${what} (${codeOf(thrown)})`);
  }
}

/** A thrown thing without a system call is a defect of ours and goes on upwards. */
function codeOf(thrown: unknown): string {
  const { code, syscall } = thrown as NodeJS.ErrnoException;
  if (syscall === undefined) throw thrown;
  return code ?? 'unknown error';
}
