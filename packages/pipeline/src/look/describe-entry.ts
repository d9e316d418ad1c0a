import { createHash } from 'node:crypto';
import { encodeSegments } from '@sealift/repository';
import type { Entry } from '@sealift/wire';
import type { LookedEntry } from './looked-tree.ts';

export function describeEntry(entry: LookedEntry): Entry {
  const { path, kind, size, mode, uid, gid, mtimeNs, linkTarget, disk, filesystem } = entry;
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
    ...(filesystem === undefined ? {} : { filesystem }),
  };
}

/**
 * What tells contents apart without reading them: a digest of the ids they are stored under, which follow from the
 * contents. 16 bytes; undefined for what has no content, or lies
 * inside a disk. Hashed, because who knows an id may fetch its chunk.
 */
export function contentDigest({ content }: LookedEntry): Buffer | undefined {
  if (content === undefined || 'inside' in content) return undefined;
  const where = 'pages' in content ? content.pages : encodeSegments(content.inline);
  return createHash('sha256')
    .update('pages' in content ? 'pages' : 'inline')
    .update(where)
    .digest()
    .subarray(0, 16);
}
