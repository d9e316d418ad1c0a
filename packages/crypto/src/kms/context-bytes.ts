import { u32 } from '../byte-reader.ts';
import type { WrapContext } from '../gcm-wrap.ts';
import { label } from '../labels.ts';
import { uuidText } from '../uuid.ts';

/** What a service authenticates as bytes: as for every other wrap, L("wrap/<purpose>") || domainId || epoch. */
export function contextBytes({ purpose, domainId, epoch }: WrapContext): Buffer {
  return Buffer.concat([label(`wrap/${purpose}`), domainId, u32(epoch)]);
}

/** The same for a service that authenticates names and values, and shows them in its log. */
export function contextFields({ purpose, domainId, epoch }: WrapContext): Record<string, string> {
  return { app: 'sealift', purpose, domainId: uuidText(domainId), epoch: String(epoch) };
}
