import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type FailureRecord, toFailure } from '@sealift/core';
import type { Identity } from '@sealift/crypto';
import { connectLink, decodeOpened, decodeRefused, encodeOpen, MESSAGE, type Open, type Opened } from '@sealift/wire';
import type { Test } from 'tap';
import { startTransporter, type TransporterConfig, type TransporterHandle } from '../src/index.ts';
import { DirectorStandIn } from './director-stand-in.ts';
import { folderFor } from './helpers.ts';

/** A target with a Director that is a stand-in, and the identity of a source. */
export interface Site {
  director: DirectorStandIn;
  target: TransporterHandle;
  source: Identity;
  targetIdentity: Identity;
  folder: string;
  restart(): Promise<TransporterHandle>;
}

export async function siteFor(t: Test): Promise<Site> {
  const folder = await folderFor(t);
  const director = await DirectorStandIn.start();
  const { config, identity } = await director.enrolled(folder, 'target');
  let target = await started(config);
  t.teardown(async () => {
    await target.close();
    await director[Symbol.asyncDispose]();
  });
  const restart = async () => {
    await target.close();
    target = await started(config);
    return target;
  };
  return { director, target, source: await director.identity('source'), targetIdentity: identity, folder, restart };
}

/** Starts a target and waits until it has learned from the Director which tickets are good. */
export async function started(config: TransporterConfig): Promise<TransporterHandle> {
  const target = await startTransporter(config);
  while (!(await fetch(`${target.healthUrl}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  return target;
}

export async function createRepository({ director, target, folder }: Site, name: string): Promise<string> {
  const peer = await director.peer(target.id);
  const { repositoryId } = await peer.call('repository.create', { name, path: join(folder, name) });
  return repositoryId;
}

/** Opens a session; resolves to what the target answers to OPEN, or to why there was no answer. */
export async function open(
  site: Site,
  target: TransporterHandle,
  ticket: Buffer,
  open: Open,
  source: Identity = site.source,
): Promise<Opened | FailureRecord> {
  const url = target.dataUrl as string;
  try {
    await using link = await connectLink(
      { url, identity: source, ticket, expectPeer: target.id },
      AbortSignal.timeout(10_000),
    );
    await link.send(MESSAGE.open, encodeOpen(open));
    for await (const { kind, payload } of link.messages()) {
      return kind === MESSAGE.refused ? decodeRefused(payload) : decodeOpened(payload);
    }
  } catch (thrown) {
    return toFailure(thrown).toJSON();
  }
  throw new Error('the target ended the link without a word');
}

export function grantAndOpen(repositoryId: string, purpose: Open['purpose'] = 'backup') {
  const ids = { runId: randomUUID(), jobId: randomUUID(), repositoryId };
  return { ids, wanted: { purpose, ...ids } satisfies Open };
}
