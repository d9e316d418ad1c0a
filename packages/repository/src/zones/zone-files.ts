import { type Failure, toFailure } from '@sealift/core';
import { uuidBytes } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { decodeZoneSecret, encodeZoneSecret, ZONE_SECRET_LENGTH, type ZoneSecret } from '../format/zone-secret.ts';
import { parseZoneName, SPARE_ZONES_FOLDER, spareZoneName, ZONES_FOLDER, zoneName } from '../layout.ts';
import { putInPlace } from '../store/put-in-place.ts';
import type { Store } from '../store/store.ts';

/** Names of the two copies of the secret of a zone. */
export function zoneCopies(zone: Buffer): readonly [string, string] {
  return [zoneName(zone), spareZoneName(zone)];
}

export interface StoredZones {
  /** From whichever copy is whole. */
  secrets: ZoneSecret[];
  /** Those of them of which one copy is not there. */
  halved: ZoneSecret[];
}

/** The foreign zones of a repository. Damage is told, and what is lost left out. */
export async function readZoneFiles(
  store: Store,
  repositoryId: Buffer,
  onProblem: (failure: Failure) => void,
): Promise<StoredZones> {
  const stored: StoredZones = { secrets: [], halved: [] };
  for (const zone of await storedZones(store)) {
    let dedupSecret: Buffer | undefined;
    let lacking = false;
    for (const name of zoneCopies(zone)) {
      const read = await tryCopy(store, name, { repositoryId, zone });
      if (Buffer.isBuffer(read)) dedupSecret = read;
      else if (read.code === 'file-missing') lacking = true;
      else onProblem(read);
    }
    if (dedupSecret === undefined) continue;
    const secret = { repositoryId, zone, dedupSecret };
    stored.secrets.push(secret);
    if (lacking) stored.halved.push(secret);
  }
  return stored;
}

async function tryCopy(store: Store, name: string, of: Omit<ZoneSecret, 'dedupSecret'>): Promise<Buffer | Failure> {
  try {
    return await readZoneFile(store, name, of);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    return failure;
  }
}

/** @throws Failure `file-missing`, `file-damaged` */
export async function readZoneFile(store: Store, name: string, of: Omit<ZoneSecret, 'dedupSecret'>): Promise<Buffer> {
  try {
    const { tail, length } = await store.readTail(name, ZONE_SECRET_LENGTH);
    if (length !== ZONE_SECRET_LENGTH) throw fail('format-damaged', `It has ${length} bytes.`);
    const { repositoryId, zone, dedupSecret } = decodeZoneSecret(tail);
    if (repositoryId.equals(of.repositoryId) && zone.equals(of.zone)) return dedupSecret;
    throw fail('format-damaged', 'It is of another repository or zone.');
  } catch (thrown) {
    const cause = toFailure(thrown);
    if (cause.code === 'file-missing' || cause.kind === 'retry' || cause.kind === 'bug') throw cause;
    throw fail('file-damaged', `${name} in ${store.location} is damaged: ${cause.message}`, { cause });
  }
}

/** Makes both copies say this, durably; the one that is whole and says it already stays. */
export async function writeZoneFiles(store: Store, secret: ZoneSecret): Promise<void> {
  for (const name of zoneCopies(secret.zone)) {
    try {
      await store.publish(name, encodeZoneSecret(secret));
    } catch (thrown) {
      if (toFailure(thrown).code !== 'file-exists') throw thrown;
      if (!(await says(store, name, secret))) await putInPlace(store, name, encodeZoneSecret(secret));
    }
  }
}

/** Writes a copy that is lost. A disk that is full must not keep a repository closed: then it is only told. */
export async function keepBothCopies(
  store: Store,
  secret: ZoneSecret,
  onProblem: (failure: Failure) => void,
): Promise<void> {
  try {
    await writeZoneFiles(store, secret);
  } catch (thrown) {
    onProblem(toFailure(thrown));
  }
}

/** Whether a copy is there, whole, and of this secret. */
export async function says(store: Store, name: string, secret: ZoneSecret): Promise<boolean> {
  try {
    return (await readZoneFile(store, name, secret)).equals(secret.dedupSecret);
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.kind !== 'corrupt') throw failure;
    return false;
  }
}

async function storedZones(store: Store): Promise<Buffer[]> {
  const names = [...(await store.list(ZONES_FOLDER)), ...(await store.list(SPARE_ZONES_FOLDER))];
  return [...new Set(names.flatMap((name) => parseZoneName(name) ?? []))].map(uuidBytes);
}
