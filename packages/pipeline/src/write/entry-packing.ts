import type { TreeEntry } from '@sealift/repository';
import type { EntryMetadata } from '@sealift/workloads';
import { Packr } from 'msgpackr';
import { asBuffer, ownBuffer } from '../threads/channel.ts';

const packr = new Packr({ int64AsType: 'bigint' });

/** Entries, without their content, in one flat buffer for another thread. */
export function packEntries(entries: TreeEntry[]): Buffer {
  return ownBuffer(packr.pack(entries.map(({ content: _, ...metadata }) => metadata)));
}

/** Input comes from our own thread, so it is not validated again. */
export function unpackEntries(packed: Uint8Array): EntryMetadata[] {
  return packr.unpack(asBuffer(packed));
}
