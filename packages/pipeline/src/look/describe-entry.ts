import { createHash } from 'node:crypto';
import { encodeSegments, type TreeEntry } from '@sealift/repository';
import type { Entry } from '@sealift/wire';

export function describeEntry(entry: TreeEntry): Entry {
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

/**
 * What tells contents apart without reading them: a digest of the ids they are stored under, which follow from the
 * contents. 16 bytes; undefined for what has no content. Hashed, because who knows an id may fetch its chunk.
 */
export function contentDigest({ content }: TreeEntry): Buffer | undefined {
  if (content === undefined) return undefined;
  const where = 'pages' in content ? content.pages : encodeSegments(content.inline);
  return createHash('sha256')
    .update('pages' in content ? 'pages' : 'inline')
    .update(where)
    .digest()
    .subarray(0, 16);
}
