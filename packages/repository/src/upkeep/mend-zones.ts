import { encodeZoneSecret } from '../format/zone-secret.ts';
import { says, zoneCopies } from '../zones/zone-files.ts';
import type { RepairHost } from './host.ts';
import { replaceFile } from './replace-file.ts';

/** Makes both copies of the secrets of foreign zones whole; the serving program knows what they said. */
export async function mendZones(
  host: RepairHost,
  { dryRun, onMended }: { dryRun: boolean; onMended: (file: string) => void },
): Promise<void> {
  for (const [hex, dedupSecret] of host.zoneSecrets) {
    const secret = { repositoryId: host.config.id, zone: Buffer.from(hex, 'hex'), dedupSecret };
    for (const name of zoneCopies(secret.zone)) {
      if (await says(host.store, name, secret)) continue;
      if (!dryRun) await replaceFile(host, name, encodeZoneSecret(secret));
      onMended(name);
    }
  }
}
