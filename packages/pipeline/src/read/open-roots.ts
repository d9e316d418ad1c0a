import type { Failure } from '@sealift/core';
import {
  isDiskImage,
  isMachine,
  livePath,
  type OpenMachineOptions,
  type OpenRoot,
  openImage,
  openMachine,
  type SnapshotView,
  type SourceHolder,
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
  /** Absent: sources are read as they are. */
  holder: SourceHolder | undefined;
  /** Told why, when a machine had to be let go before it was read. */
  onLost: (failure: Failure) => void;
  onWarning: (warning: PathWarning) => void;
  /** Told how still each source was held. */
  onNote: (text: string) => void;
}

/** Roots that are served while they are read, disk images and virtual machines, and those that are read in snapshots. */
export class OpenRoots implements AsyncDisposable {
  readonly #served = new Set<OpenRoot>();
  readonly #entries = new Map<NamedRoot, FoundEntry[]>();
  readonly #views = new Map<NamedRoot, SnapshotView>();
  readonly #resources = new AsyncDisposableStack();

  async open(root: NamedRoot, options: OpenRootsOptions, signal: AbortSignal): Promise<void> {
    const { path, name } = root;
    if (isDiskImage(path)) this.#serve(root, await openImage(path, name, signal), options);
    else if (isMachine(path))
      this.#serve(root, await openMachine(path, name, machineOptions(options), signal), options);
    else await this.#holdStill(root, options, signal);
  }

  viewOf(root: NamedRoot): SnapshotView | undefined {
    return this.#views.get(root);
  }

  /** What is read in a snapshot is told of by where it is outside. */
  shown<W extends PathWarning>(warning: W): W {
    for (const view of this.#views.values()) {
      const path = livePath(view, warning.path);
      if (path === undefined) continue;
      const message = warning.message.replaceAll(view.at.toString(), view.of.toString());
      return { ...warning, path, message };
    }
    return warning;
  }

  /** Undefined: the root is walked. */
  entriesOf(root: NamedRoot): FoundEntry[] | undefined {
    return this.#entries.get(root);
  }

  async beginNotes(notes: DiskNotes): Promise<void> {
    await notes.begin([...this.#served].flatMap(({ tracked = [] }) => tracked));
  }

  /** All is read. @throws Failure `image-shrunk` when it was not whole until then */
  check(): void {
    for (const { check } of this.#served) check();
  }

  /** The recovery point is made: what was noted is what the next run begins with, and changes count from it. */
  async keep(notes: DiskNotes): Promise<void> {
    if (!(await notes.makeCurrent())) return;
    for (const { keep } of this.#served) keep?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #serve(root: NamedRoot, opened: OpenRoot, { onWarning }: OpenRootsOptions): void {
    this.#served.add(this.#resources.use(opened));
    this.#entries.set(root, opened.entries);
    for (const notice of opened.notices ?? []) onWarning(notice);
  }

  async #holdStill(root: NamedRoot, { holder, onNote }: OpenRootsOptions, signal: AbortSignal): Promise<void> {
    const held = await holder?.hold(root.path, root.name, signal);
    if (held === undefined) return;
    onNote(held.note);
    if (held.view !== undefined) this.#views.set(root, held.view);
    if (held.entries !== undefined) this.#entries.set(root, held.entries);
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
