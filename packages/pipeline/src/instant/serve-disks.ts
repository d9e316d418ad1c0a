import { once } from 'node:events';
import { type Failure, toFailure } from '@sealift/core';
import type { Repository, TreeEntry } from '@sealift/repository';
import { type NbdAddress, NbdServer, type NbdServerOptions } from '@sealift/workloads';
import { chunkOpener } from '../decrypt/chunk-opener.ts';
import { fail } from '../failures.ts';
import { RepositorySource } from '../recover.ts';
import { type LinkToPoint, openPoint, type PointOptions, withRestoreSession } from '../restore.ts';
import type { PointSource } from '../transfer/point-source.ts';
import type { TreeReader } from '../tree/tree-reader.ts';
import type { Unlock } from '../unlock.ts';
import { PointDisk } from './point-disk.ts';

export interface ServeDisksOptions {
  /** Paths in the recovery point; empty for all disks that it holds. */
  disks: Buffer[];
  listen: NbdAddress;
  tls?: NonNullable<NbdServerOptions['tls']>;
  /** Told once, when clients can connect. */
  onServing: (serving: { address: NbdAddress; disks: { name: string; size: number }[] }) => void;
  /** Told of what could not be read, and of clients that broke the protocol. */
  onFailure: (failure: Failure) => void;
}

/**
 * Serves disks of a recovery point at a target Transporter over NBD, read-only. Ends by the signal alone, and rejects
 * with its reason.
 */
export async function runServeDisks(
  options: PointOptions & LinkToPoint & ServeDisksOptions,
  signal: AbortSignal,
): Promise<never> {
  return await withRestoreSession(options, undefined, signal, (source) => serveDisks(source, options, signal));
}

/** The same with a repository within reach: no Director, no Transporter. */
export async function serveDisksOfRepository(
  repository: Repository,
  options: PointOptions & ServeDisksOptions & { unlock: Unlock },
  signal: AbortSignal,
): Promise<never> {
  return await serveDisks(new RepositorySource(repository, options.unlock), options, signal);
}

async function serveDisks(
  source: PointSource,
  options: PointOptions & ServeDisksOptions,
  signal: AbortSignal,
): Promise<never> {
  const point = await openPoint(source, options, (failure) => {
    throw failure;
  });
  const entries = options.disks.length === 0 ? await allDisks(point.tree) : await named(point.tree, options.disks);
  if (entries.length === 0) throw fail('not-a-disk', `Recovery point ${point.manifest.pointId} holds no disk.`);
  const open = chunkOpener(point.keys);
  const description = `${point.body.host.name}, ${new Date(point.manifest.createdAt).toISOString()}`;
  const disks: PointDisk[] = [];
  for (const entry of entries) disks.push(await PointDisk.open(entry, description, point.source, open));
  signal.throwIfAborted();
  await using server = await NbdServer.listen({
    disks,
    listen: options.listen,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    onFailure: (thrown) => options.onFailure(toFailure(thrown)),
  });
  const { address } = server;
  options.onServing({ address, disks: disks.map(({ name, size }) => ({ name, size })) });
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function named(tree: TreeReader, paths: Buffer[]): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const path of paths) {
    const entry = await tree.find(path);
    if (entry === undefined) throw fail('not-found', `The recovery point holds nothing named ${path}.`);
    if (entry.kind !== 'file' || entry.content === undefined) throw fail('not-a-disk', `${path} is no disk.`);
    entries.push(entry);
  }
  return entries;
}

/** A disk is a root of its own, or stands directly in that of its machine. */
async function allDisks(tree: TreeReader): Promise<TreeEntry[]> {
  const found: TreeEntry[] = [];
  for await (const root of tree.children(Buffer.alloc(0))) {
    if (root.disk === true) found.push(root);
    if (root.kind !== 'directory') continue;
    for await (const entry of tree.children(root.path)) if (entry.disk === true) found.push(entry);
  }
  return found;
}
