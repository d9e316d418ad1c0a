import type { TreeEntry } from '@sealift/repository';
import type { Entry } from '@sealift/wire';
import { type LinkToPoint, openPoint, type PointOptions, withRestoreSession } from './restore.ts';

export interface ListOptions extends PointOptions, LinkToPoint {
  /** The folder in the tree; empty for its roots. */
  path: Buffer;
  limit: number;
  /** From the page before. */
  cursor?: Buffer;
}

/** One page of the direct contents of a folder of a recovery point. Only the pages of the tree in question are read. */
export async function listEntries(
  options: ListOptions,
  signal: AbortSignal,
): Promise<{ entries: Entry[]; next?: Buffer }> {
  return withRestoreSession(options, undefined, signal, async (source) => {
    const { tree } = await openPoint(source, options, (failure) => {
      throw failure;
    });
    const entries: Entry[] = [];
    for await (const entry of tree.children(options.path, options.cursor)) {
      if (entries.length === options.limit) return { entries, next: entries.at(-1)?.path as Buffer };
      entries.push(describe(entry));
    }
    return { entries };
  });
}

function describe(entry: TreeEntry): Entry {
  const { path, kind, size, mode, uid, gid, mtimeNs, linkTarget, disk } = entry;
  return {
    path,
    kind,
    size,
    mode,
    uid,
    gid,
    mtimeNs: mtimeNs.toString(),
    ...(linkTarget === undefined ? {} : { linkTarget }),
    ...(disk === undefined ? {} : { disk }),
  };
}
