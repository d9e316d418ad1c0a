import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateFolder } from './durable-file.ts';

/** Where a Transporter keeps its own state, below its data directory. */
export interface DataFolder {
  root: string;
  identity: string;
  /** Private keys; `identity` names the one in use. */
  keys: string;
  ticketKeys: string;
  spentTickets: string;
  /** Certificates that count no more. */
  revoked: string;
  repositories: string;
  /** One file for each task whose result the Director has not yet acknowledged. */
  journal: string;
  /** Scratch space of running tasks; emptied at start. */
  spool: string;
  /** Source: what the last run of each job has found, one sealed file a job; may be lost. */
  sourceCache: string;
  /** Source: notes of what was made for a backup and is to be removed again, snapshots above all. */
  leftovers: string;
  /** Source: programs that jobs may have run before and after a backup, put there by the administrator. */
  hooks: string;
  /** Source: a note for each command after a backup that is still to be run. */
  pendingHooks: string;
  /** Copies of what is read of repositories in object storage; may be lost. */
  cache: string;
  /** What the disks of virtual machines were made of at the last run, one file a job; may be lost. */
  diskNotes: string;
}

export async function openDataFolder(root: string): Promise<DataFolder> {
  const folder: DataFolder = {
    root,
    identity: join(root, 'identity.json'),
    keys: join(root, 'keys'),
    ticketKeys: join(root, 'ticket-keys.json'),
    spentTickets: join(root, 'spent-tickets'),
    revoked: join(root, 'revoked.json'),
    repositories: join(root, 'repositories.json'),
    journal: join(root, 'journal'),
    spool: join(root, 'spool'),
    sourceCache: join(root, 'source-cache'),
    leftovers: join(root, 'leftovers'),
    hooks: join(root, 'hooks'),
    pendingHooks: join(root, 'pending-hooks'),
    cache: join(root, 'cache'),
    diskNotes: join(root, 'disk-notes'),
  };
  await makePrivateFolder(root);
  await makePrivateFolder(folder.journal);
  await makePrivateFolder(folder.keys);
  await makePrivateFolder(folder.diskNotes);
  await rm(folder.spool, { recursive: true, force: true });
  await makePrivateFolder(folder.spool);
  await makePrivateFolder(folder.sourceCache);
  await removeLeftovers(root);
  await removeLeftovers(folder.sourceCache);
  await removeLeftovers(folder.journal);
  await removeLeftovers(folder.keys);
  await removeLeftovers(folder.diskNotes);
  return folder;
}

/** Temporary files of a write that a crash cut off. */
async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder);
  await Promise.all(
    names.filter((name) => name.endsWith('.tmp')).map((name) => rm(join(folder, name), { force: true })),
  );
}
