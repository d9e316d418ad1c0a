import { toFailure } from '@sealift/core';
import { encodeConfig } from '../format/config.ts';
import { CONFIG_COPIES, isSameConfig, readConfigCopy } from '../read-config.ts';
import type { RepairHost } from './host.ts';
import { replaceFile } from './replace-file.ts';

/** Makes both copies of the config whole. The serving program knows what they said, even if neither can be read any more. */
export async function mendConfig(
  host: RepairHost,
  { dryRun, onMended }: { dryRun: boolean; onMended: (file: string) => void },
): Promise<void> {
  for (const name of CONFIG_COPIES) {
    if (await isWhole(host, name)) continue;
    if (!dryRun) await replaceFile(host, name, encodeConfig(host.config));
    onMended(name);
  }
}

async function isWhole({ store, config }: RepairHost, name: string): Promise<boolean> {
  try {
    return isSameConfig(await readConfigCopy(store, name), config);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    return false;
  }
}
