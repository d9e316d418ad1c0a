import type { EntryMetadata } from '../entry.ts';
import { linkAt, makeDeviceNodeAt, makeFifoAt, renameAt, symlinkAt, unlinkAt } from '../posix/names.ts';
import { findAt } from '../posix/stat.ts';
import type { Destination, Located } from './destination.ts';
import { applyMetadata } from './metadata.ts';
import { linkTarget, nodeTarget } from './metadata-targets.ts';
import { besides, checkReplaceable, type RestorePolicy } from './policy.ts';
import { NotRestored } from './warnings.ts';

/** Makes a link, FIFO or device node beside its final name, completes it and moves it there. */
export function placeNode(destination: Destination, entry: EntryMetadata, policy: RestorePolicy): void {
  checkSpecial(entry, policy);
  const located = destination.locate(entry.path);
  checkReplaceable(policy, findAt(located.directory, located.name), entry);
  const temporary = besides(located);
  makeNode(temporary, entry);
  try {
    applyMetadata(entry.kind === 'symlink' ? linkTarget(temporary) : nodeTarget(temporary), entry, policy);
    renameAt(located.directory, temporary.name, located.name);
  } catch (thrown) {
    unlinkAt(temporary.directory, temporary.name);
    throw thrown;
  }
}

/** Gives a file restored before (the first name) its second name. */
export function placeHardLink(destination: Destination, entry: EntryMetadata, policy: RestorePolicy): void {
  const located = destination.locate(entry.path);
  const first = destination.locate(entry.hardLink as Buffer);
  const original = findAt(first.directory, first.name);
  if (original === undefined || original.kind === 'directory') {
    throw new NotRestored('link-missing', 'is not restored: the file that it is another name of is not there');
  }
  const existing = findAt(located.directory, located.name);
  if (existing?.inode === original.inode && existing.device === original.device) return;
  checkReplaceable(policy, existing, entry);
  if (existing !== undefined) unlinkAt(located.directory, located.name);
  linkAt(first.directory, first.name, located.directory, located.name);
}

function checkSpecial(entry: EntryMetadata, policy: RestorePolicy): void {
  if (entry.kind === 'socket') throw new NotRestored('special-skipped', 'is a socket and is not restored');
  if (entry.kind !== 'character' && entry.kind !== 'block') return;
  if (policy.special && process.geteuid?.() === 0) return;
  throw new NotRestored('special-skipped', 'is a device node: restored only on request and by root');
}

function makeNode({ directory, name }: Located, entry: EntryMetadata): void {
  if (entry.kind === 'symlink' && entry.linkTarget !== undefined) symlinkAt(entry.linkTarget, directory, name);
  else if (entry.kind === 'fifo') makeFifoAt(directory, name, 0o600);
  else if ((entry.kind === 'character' || entry.kind === 'block') && entry.device !== undefined) {
    makeDeviceNodeAt(directory, name, entry.kind, entry.device);
  } else throw new NotRestored('not-written', `is not restored: its record is incomplete (${entry.kind})`);
}
