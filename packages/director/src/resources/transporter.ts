import type { TransporterResource } from '@sealift/wire';
import type { Context } from '../context.ts';
import type { Transporter } from '../db/transporters.ts';
import { isoTime } from './time.ts';

export function transporterResource(
  { connections }: Pick<Context, 'connections'>,
  t: Transporter,
): TransporterResource {
  return {
    id: t.id,
    name: t.name,
    role: t.role,
    connected: connections.of(t.id) !== undefined,
    enrolledAt: isoTime(t.enrolledAt),
    certificateExpiresAt: isoTime(t.certificateExpiresAt),
    ...(t.version === undefined ? {} : { version: t.version }),
    ...(t.bandwidth === undefined ? {} : { bandwidth: t.bandwidth }),
    ...(t.dataUrl === undefined ? {} : { dataUrl: t.dataUrl }),
    ...(t.revokedAt === undefined ? {} : { revokedAt: isoTime(t.revokedAt) }),
    ...(t.lastSeenAt === undefined ? {} : { lastSeenAt: isoTime(t.lastSeenAt) }),
  };
}
