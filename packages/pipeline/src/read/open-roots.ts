import type { Failure } from '@sealift/core';
import {
  isDiskImage,
  isMachine,
  type OpenMachineOptions,
  type OpenRoot,
  openImage,
  openMachine,
} from '@sealift/workloads';
import type { DiskNotes } from '../cache/disk-notes.ts';
import { DISK_CHUNK } from '../chunk/fixed.ts';
import type { PathWarning } from '../progress.ts';
import type { NamedRoot } from '../tree/root-names.ts';
import type { FoundEntry } from './walk-messages.ts';

export interface OpenRootsOptions {
  jobId: string;
  runId: string;
  /** A folder with room for what virtual machines overwrite while they are read. */
  spool: string;
  notes: DiskNotes;
  /** Told why, when a machine had to be let go before it was read. */
  onLost: (failure: Failure) => void;
  onWarning: (warning: PathWarning) => void;
}

/** Roots that are served while they are read: disk images, virtual machines. */
export class OpenRoots implements AsyncDisposable {
  readonly #roots = new Map<NamedRoot, OpenRoot>();
  readonly #resources = new AsyncDisposableStack();

  async open(root: NamedRoot, options: OpenRootsOptions, signal: AbortSignal): Promise<void> {
    const { path, name } = root;
    if (isDiskImage(path)) this.#hold(root, await openImage(path, name, signal));
    else if (isMachine(path)) this.#hold(root, await openMachine(path, name, machineOptions(options), signal));
    for (const notice of this.#roots.get(root)?.notices ?? []) options.onWarning(notice);
  }

  /** Undefined: the root is walked. */
  entriesOf(root: NamedRoot): FoundEntry[] | undefined {
    return this.#roots.get(root)?.entries;
  }

  async beginNotes(notes: DiskNotes): Promise<void> {
    await notes.begin([...this.#roots.values()].flatMap(({ tracked = [] }) => tracked));
  }

  /** The recovery point is made: what was noted is what the next run begins with, and changes count from it. */
  async keep(notes: DiskNotes): Promise<void> {
    if (!(await notes.makeCurrent())) return;
    for (const { keep } of this.#roots.values()) keep?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #hold(root: NamedRoot, opened: OpenRoot): void {
    this.#roots.set(root, this.#resources.use(opened));
  }
}

function machineOptions({ jobId, runId, spool, notes, onLost }: OpenRootsOptions): OpenMachineOptions {
  const before = (path: Buffer) => notes.known.disk(path);
  // Blocks of the size in which disks are read: what the bitmap names is what is read.
  const tracking = { jobId, runId, granularity: DISK_CHUNK, before };
  return { scratch: spool, onLost, ...(notes.active ? { tracking } : {}) };
}

export async function openRoots(
  roots: NamedRoot[],
  options: OpenRootsOptions,
  signal: AbortSignal,
): Promise<OpenRoots> {
  const opened = new OpenRoots();
  try {
    for (const root of roots) await opened.open(root, options, signal);
    await opened.beginNotes(options.notes);
    return opened;
  } catch (thrown) {
    await opened[Symbol.asyncDispose]();
    throw thrown;
  }
}
