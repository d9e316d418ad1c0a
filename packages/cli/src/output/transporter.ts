import type { TransporterResource } from '@sealift/wire';
import { printable } from './printable.ts';
import { formatFields } from './run.ts';
import { formatTime } from './units.ts';

export function formatTransporter(one: TransporterResource): string {
  const state = one.revokedAt === undefined ? (one.connected ? 'connected' : 'away') : 'revoked';
  return formatFields([
    ['name', printable(one.name)],
    ['id', one.id],
    ['role', one.role],
    ['state', state],
    ['version', printable(one.version ?? 'unknown')],
    ['address', printable(one.dataUrl ?? 'none, it dials')],
    ['bandwidth', one.bandwidth],
    ['enrolled', formatTime(one.enrolledAt)],
    ['certificate', `until ${formatTime(one.certificateExpiresAt)}`],
  ]);
}
