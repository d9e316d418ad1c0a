import type { RepositoryKeys, RepositoryResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import { slotKeysOf } from '../db/repository-keys.ts';
import { isoTime } from './time.ts';

export async function repositoryResource(context: Context, r: Repository): Promise<RepositoryResource> {
  const { stats, keys, whyLocked } = context.repositories.of(r.id) ?? {};
  const encryption = keys === undefined ? {} : { encryption: await encryptionOf(context, r.id, keys) };
  const resource = {
    id: r.id,
    name: r.name,
    transporter: { id: r.transporterId, name: r.transporterName },
    path: r.path,
    ...(r.immutableDays === undefined ? {} : { immutableDays: r.immutableDays }),
    createdAt: isoTime(r.createdAt),
    ...(stats === undefined ? {} : { stats }),
    ...encryption,
  };
  if (resource.encryption === undefined || whyLocked === undefined) return resource;
  return { ...resource, encryption: { ...resource.encryption, reason: whyLocked.message } };
}

async function encryptionOf({ db }: Context, id: string, { locked, epoch, earlier, slots }: RepositoryKeys) {
  const kept = new Set((await slotKeysOf(db, id)).map(({ slotId }) => slotId));
  return {
    locked,
    epoch,
    earlier,
    slots: slots.map(({ slotId, kind, label, kms }) => ({
      id: slotId,
      kind,
      label,
      kept: kept.has(slotId),
      ...(kms === undefined ? {} : { kms: { provider: kms.provider, keyRef: kms.keyRef } }),
    })),
  };
}
