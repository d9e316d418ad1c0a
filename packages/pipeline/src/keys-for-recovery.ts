import { toFailure } from '@sealift/core';
import { describeDomain, type OpenDomain, openDomain, openWithKms, passwordMatches, uuidText } from '@sealift/crypto';
import { openManifest, type Repository } from '@sealift/repository';
import { fail } from './failures.ts';
import { keyFileService, namedServices, type OpenService, type WaysToKeys } from './recovery-services.ts';
import type { KeysForRuns } from './restore.ts';

/**
 * The keys of a source-side point without any Director: by a key file or service that has wrapped the password hash, else from the
 * password. Either may be that of the point, or one that took its place later, whose descriptor is in a newer point of
 * the same domain. @throws Failure `kms-config-invalid` at once for an address that is none
 */
export function keysForRecovery(ways: WaysToKeys, repository: Repository): KeysForRuns {
  const services = [...keyFileService(ways), ...namedServices(ways)];
  return async (runs, descriptor) => {
    const domain =
      (await openByServices(services, ways.onService, descriptor, repository)) ??
      (await openByPassword(await ways.password(), descriptor, repository));
    if (domain === undefined) throw wrongPassword(descriptor);
    return { idKey: domain.chunkKeys.idKey, runs: runs.map(({ runSalt, epoch }) => domain.runKey(runSalt, epoch)) };
  };
}

function wrongPassword(descriptor: Buffer) {
  const { domainId, epoch } = describeDomain(descriptor);
  const name = uuidText(domainId);
  return fail(
    'wrong-password',
    `This is not the password of encryption domain ${name}, epoch ${epoch}, nor a later one.`,
  );
}

/** What a service unwrapped is checked here; a descriptor that was changed is damage, whatever way is taken. */
async function openByServices(
  services: OpenService[],
  onService: WaysToKeys['onService'],
  own: Buffer,
  repository: Repository,
): Promise<OpenDomain | undefined> {
  for (const service of services) {
    const found = await unwrapBy(service, own, repository).catch((thrown) => {
      onService?.(toFailure(thrown));
      return undefined;
    });
    if (found === undefined) continue;
    try {
      return openDomain(found.passwordHash, found.descriptor);
    } finally {
      found.passwordHash.fill(0);
    }
  }
  return undefined;
}

async function unwrapBy(open: OpenService, own: Buffer, repository: Repository) {
  await using wrapper = await open();
  for await (const descriptor of descriptorsOf(own, repository)) {
    const passwordHash = await openWithKms(descriptor, [wrapper]);
    if (passwordHash !== undefined) return { passwordHash, descriptor };
  }
  const { provider, keyRef } = wrapper;
  throw fail('no-wrap', `No password hash in this repository was wrapped by ${provider} with the key ${keyRef}.`);
}

async function openByPassword(text: string, own: Buffer, repository: Repository): Promise<OpenDomain | undefined> {
  for await (const descriptor of descriptorsOf(own, repository)) {
    const passwordHash = await passwordMatches(text, descriptor);
    if (passwordHash !== undefined) return openDomain(passwordHash, descriptor);
  }
  return undefined;
}

/** That of the point first, then each later one of its domain in the repository, newest first. */
async function* descriptorsOf(own: Buffer, repository: Repository): AsyncGenerator<Buffer, void, undefined> {
  yield own;
  const { domainId, epoch } = describeDomain(own);
  let last = Number.POSITIVE_INFINITY;
  for (const { id, mode } of (await repository.points()).reverse()) {
    if (mode !== 'source-side') continue;
    const { descriptor } = openManifest((await repository.readPoint(id)).manifest, {}).manifest;
    const described = descriptor === undefined ? undefined : describeDomain(descriptor);
    if (descriptor === undefined || !described?.domainId.equals(domainId)) continue;
    if (described.epoch <= epoch || described.epoch >= last) continue;
    last = described.epoch;
    yield descriptor;
  }
}
