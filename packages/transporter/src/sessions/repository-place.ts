import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { StageClock } from '@sealift/core';
import {
  credentialsInFile,
  filesystemStore,
  folderCache,
  isS3Address,
  type MetadataCache,
  parseS3Address,
  type S3Address,
  type Store,
  s3Store,
} from '@sealift/repository';
import { fail } from '../failures.ts';

/** What this machine lends to repositories in object storage. */
export interface ObjectStorageMeans {
  /** File with the credentials that addresses name. */
  credentials: string;
  /** Folder for files on their way, emptied at start. */
  spool: string;
  /** Folder for copies of what opening reads. */
  cache: string;
}

/** What a place is opened with. */
export interface PlaceMeans extends ObjectStorageMeans {
  /** Told how long reading and writing takes. */
  clock: StageClock;
}

/** Bytes of copies kept of one repository: enough for the ends of some 10 TiB of packs. */
const MOST_CACHED = 1024 * 1024 * 1024;
/** The Director waits a minute for an answer: one that says what is wrong must come before. */
const PATIENCE = 30_000;

/** A path or an address in the one form in which it is compared and stored. */
export function normalPlace(place: string): string {
  if (isS3Address(place)) return parseS3Address(place).location;
  if (!place.startsWith('/') || place.includes('\0')) {
    throw fail('configuration', `The repository path '${place}' must be absolute`);
  }
  return resolve(place);
}

/** Whether two places in normal form hold the same repository: how a bucket is reached does not count. */
export function isSamePlace(one: string, other: string): boolean {
  if (!isS3Address(one) || !isS3Address(other)) return one === other;
  return contentsOf(parseS3Address(one)) === contentsOf(parseS3Address(other));
}

function contentsOf({ endpoint, bucket, prefix }: S3Address): string {
  return JSON.stringify([endpoint, bucket, prefix]);
}

/** What a repository at a place is opened with. */
export async function storeAt(place: string, means: PlaceMeans): Promise<{ store: Store; cache?: MetadataCache }> {
  if (!isS3Address(place)) return { store: filesystemStore(place, means.clock) };
  const address = parseS3Address(place);
  const name = createHash('sha256').update(contentsOf(address)).digest('hex').slice(0, 32);
  const credentials = credentialsInFile(means.credentials, address.profile);
  const store = await s3Store(address, { credentials, spool: join(means.spool, name), retry: { patience: PATIENCE } });
  return { store, cache: await folderCache(join(means.cache, name), MOST_CACHED) };
}
