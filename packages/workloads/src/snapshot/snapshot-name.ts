import { randomUUID } from 'node:crypto';

/** Begins the names of all that is made for a backup among somebody's files; the walk leaves them out. */
export const SNAPSHOT_PREFIX = '.sealift-snapshot-';

export function snapshotName(): string {
  return `${SNAPSHOT_PREFIX}${randomUUID()}`;
}
