import { type Failure, toFailure } from '@sealift/core';
import { sha256InBackground } from '../format/checksum.ts';
import { decodeFooter, type PackEntry } from '../format/pack-footer.ts';
import { decodePackHeader, PACK_HEADER_LENGTH, type PackHeader } from '../format/pack-header.ts';
import { RECORD_HEADER_LENGTH } from '../format/pack-record.ts';
import { damagedPackName } from '../layout.ts';
import { readFooter } from '../load-packs.ts';
import { splitRecord } from '../pack-scan.ts';
import type { Store } from '../store/store.ts';
import { scanDamagedPack } from './scan-damaged-pack.ts';

/** Copied at once when a pack is set aside, bytes. */
const SPAN = 8 * 1024 * 1024;

/** What a damaged pack belongs to, from its header or the copy in its footer; undefined if neither can be read. */
export async function headerOf(store: Store, name: string): Promise<PackHeader | undefined> {
  const stored = await unlessCorrupt(async () => decodePackHeader(await store.read(name, 0, PACK_HEADER_LENGTH)));
  return stored ?? (await unlessCorrupt(async () => decodeFooter((await readFooter(store, name)).tail).header));
}

/** The whole records of a damaged pack, read and checked once more. `whole` tells which, id in hexadecimal by offset. */
export async function* wholeRecords(
  store: Store,
  name: string,
  whole: ReadonlyMap<number, string>,
): AsyncGenerator<{ entry: PackEntry; bytes: Buffer<ArrayBuffer> }, void, undefined> {
  const footer = await unlessCorrupt(async () => decodeFooter((await readFooter(store, name)).tail));
  const records = footer === undefined ? scanned(store, name) : listed(store, name, footer.entries, whole);
  for await (const { entry, bytes, body } of records) {
    const sound = whole.get(entry.offset) === entry.id.toString('hex');
    if (sound && (await sha256InBackground(body)).equals(entry.checksum)) yield { entry, bytes };
  }
}

/** Keeps a pack of which something is lost, under a name that no reader looks at. */
export async function setAside(store: Store, name: string, length: number): Promise<void> {
  const file = await store.grow(`${crypto.randomUUID()}.tmp`);
  try {
    for (let at = 0; at < length; at += SPAN) {
      await file.append([await store.read(name, at, Math.min(SPAN, length - at))]);
    }
    await file.publish(damagedPackName(name));
  } catch (thrown) {
    await file.discard();
    throw thrown;
  }
  await file[Symbol.asyncDispose]();
}

async function* scanned(store: Store, name: string) {
  const { length } = await store.readTail(name, 0);
  yield* scanDamagedPack((offset, bytes) => store.read(name, offset, bytes), length);
}

async function* listed(store: Store, name: string, entries: readonly PackEntry[], whole: ReadonlyMap<number, string>) {
  for (const entry of entries) {
    if (!whole.has(entry.offset)) continue;
    const bytes = await store.read(name, entry.offset, entry.length);
    const record = await unlessCorrupt(async () => splitRecord(bytes));
    if (record === undefined) continue;
    const { checksum } = record.head;
    const members = bytes.subarray(RECORD_HEADER_LENGTH, bytes.length - record.body.length);
    yield { entry: { ...entry, checksum, members }, bytes, body: record.body };
  }
}

async function unlessCorrupt<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    const failure: Failure = toFailure(thrown);
    if (failure.code === 'file-missing' || (failure.kind !== 'corrupt' && failure.code !== 'repository-too-new'))
      throw failure;
    return undefined;
  }
}
