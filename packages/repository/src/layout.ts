import { uuidText } from '@sealift/crypto';

/** Names of files in a repository. */

export const CONFIG_NAME = 'config';
/** Second copies of the config and of recovery points. */
export const SPARE_FOLDER = 'spare';
export const SPARE_CONFIG_NAME = `${SPARE_FOLDER}/config`;
export const SPARE_POINTS_FOLDER = `${SPARE_FOLDER}/points`;
export const PACKS_FOLDER = 'packs';
export const POINTS_FOLDER = 'points';
export const REFERENCES_FOLDER = 'references';
/** Packs of which a repair could not save everything. */
export const DAMAGED_FOLDER = 'damaged';
export const LEASES_FOLDER = 'leases';
/** Who collects, repairs or rotates the master key. */
export const UPKEEP_FOLDER = 'upkeep';
/** What a collection agrees on with the other Transporters that serve the repository. */
export const COLLECTIONS_FOLDER = 'collections';
export const KEYS_FOLDER = 'keys';
/** Dedup secrets of the zones of other repositories, where this one is not encrypted at rest. */
export const ZONES_FOLDER = 'zones';
export const SPARE_ZONES_FOLDER = `${SPARE_FOLDER}/zones`;
export const LOCKS_FOLDER = 'locks';
export const REMOVALS_FOLDER = 'removals';
/** When each pack was last read whole; can be lost. */
export const VERIFIED_NAME = 'cache/verified';
/** The index, for opening fast; can be lost. */
export const SNAPSHOT_FOLDER = 'cache/index';
export const LEAST_LOCKS_FOLDER = 'least-locks';
export const SESSIONS_FOLDER = 'sessions';
export const AUTHORITIES_FOLDER = 'authorities';

const PACK_NAME = /^packs\/[0-9a-f]{2}\/[0-9a-f]{32}\.pack$/;
const UNFINISHED_PACK_NAME = /\/[0-9a-f]{32}\.pack$/;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const POINT_NAME = new RegExp(`^points/(${UUID})$`);
const SPARE_POINT_NAME = new RegExp(`^spare/points/(${UUID})$`);
const AUTHORITY_NAME = /^authorities\/[0-9a-f]{64}$/;
const ZONE_NAME = new RegExp(`^(?:spare/)?zones/(${UUID})$`);
const LEASE_NAME = new RegExp(`^(?:leases|upkeep)/([0-9]{12})-(${UUID})(-fence)?$`);
const KEY_TABLE_NAME = /^keys\/([0-9]{12})-([12])$/;
const LOCK_NAME = new RegExp(`^locks/(${UUID})/([0-9]{8})$`);
const REMOVAL_NAME = new RegExp(`^removals/([0-9]{12})(?:-(${UUID})-([0-9]{1,16}))?$`);
const LEAST_LOCK_NAME = /^least-locks\/[0-9]{8}$/;
const SESSION_NAME = new RegExp(`^sessions/([0-9]{16})-(${UUID})$`);
const SNAPSHOT_NAME = /^cache\/index\/(?:head|[0-9a-f]{64})$/;
const UUID_ALONE = new RegExp(`^${UUID}$`);

export function packName(packId: Buffer): string {
  const hex = packId.toString('hex');
  return `${PACKS_FOLDER}/${hex.slice(0, 2)}/${hex}.pack`;
}

/** Name given to a pack while it grows. */
export function unfinishedPackName(packId: Buffer): string {
  return `${packId.toString('hex')}.pack`;
}

export function isPackName(name: string): boolean {
  return PACK_NAME.test(name);
}

export function isUnfinishedPackName(name: string): boolean {
  return UNFINISHED_PACK_NAME.test(name);
}

/** Id of the pack whose finished file has this name. */
export function packIdOf(name: string): Buffer {
  return Buffer.from(name.slice(-37, -5), 'hex');
}

/** Where a damaged pack is kept for people to look at. */
export function damagedPackName(name: string): string {
  return `${DAMAGED_FOLDER}/${packIdOf(name).toString('hex')}.pack`;
}

/** The name a growing pack gets when it is finished; a finished one's own. */
export function finishedPackName(name: string): string {
  return packName(packIdOf(name));
}

export function pointName(pointId: string): string {
  return `${POINTS_FOLDER}/${pointId}`;
}

export function sparePointName(pointId: string): string {
  return `${SPARE_POINTS_FOLDER}/${pointId}`;
}

/** Id of the point whose second copy has this name. */
export function parseSparePointName(name: string): string | undefined {
  return SPARE_POINT_NAME.exec(name)?.[1];
}

export function referencesName(pointId: string): string {
  return `${REFERENCES_FOLDER}/${pointId}`;
}

/** Id of the point whose reference list has this name. */
export function parseReferencesName(name: string): string | undefined {
  return pointIdOf(name.replace(REFERENCES_FOLDER, POINTS_FOLDER));
}

export function zoneName(zone: Buffer): string {
  return `${ZONES_FOLDER}/${uuidText(zone)}`;
}

export function spareZoneName(zone: Buffer): string {
  return `${SPARE_ZONES_FOLDER}/${uuidText(zone)}`;
}

/** The zone, a UUID, of whose secret the file with this name is a copy. */
export function parseZoneName(name: string): string | undefined {
  return ZONE_NAME.exec(name)?.[1];
}

/** @param fingerprint SHA-256 of its public key */
export function authorityName(fingerprint: Buffer): string {
  return `${AUTHORITIES_FOLDER}/${fingerprint.toString('hex')}`;
}

export function isAuthorityName(name: string): boolean {
  return AUTHORITY_NAME.test(name);
}

/** Id of the point whose file has this name, or undefined for anything else. */
export function pointIdOf(name: string): string | undefined {
  return POINT_NAME.exec(name)?.[1];
}

export function leaseName(folder: string, generation: number, holder: string): string {
  return `${folder}/${String(generation).padStart(12, '0')}-${holder}`;
}

/** Has the lower generations of this holder count no more. */
export function fenceName(folder: string, generation: number, holder: string): string {
  return `${leaseName(folder, generation, holder)}-fence`;
}

export function parseLeaseName(name: string): { generation: number; holder: string; fence: boolean } | undefined {
  const found = LEASE_NAME.exec(name);
  if (found === null) return undefined;
  return { generation: Number(found[1]), holder: found[2] as string, fence: found[3] !== undefined };
}

/** The key table of a repository that is encrypted at rest; it is kept twice. */
export function keyTableName(generation: number, copy: number): string {
  return `${KEYS_FOLDER}/${String(generation).padStart(12, '0')}-${copy}`;
}

export function parseKeyTableName(name: string): { generation: number; copy: number } | undefined {
  const found = KEY_TABLE_NAME.exec(name);
  return found === null ? undefined : { generation: Number(found[1]), copy: Number(found[2]) };
}

/** A point's locks are numbered: a later one says all that the earlier ones said. */
export function lockName(pointId: string, number: number): string {
  return `${LOCKS_FOLDER}/${pointId}/${String(number).padStart(8, '0')}`;
}

export function parseLockName(name: string): { pointId: string; number: number } | undefined {
  const found = LOCK_NAME.exec(name);
  return found === null ? undefined : { pointId: found[1] as string, number: Number(found[2]) };
}

export function leastLockName(number: number): string {
  return `${LEAST_LOCKS_FOLDER}/${String(number).padStart(8, '0')}`;
}

export function isLeastLockName(name: string): boolean {
  return LEAST_LOCK_NAME.test(name);
}

export function removalName(number: number): string {
  return `${REMOVALS_FOLDER}/${String(number).padStart(12, '0')}`;
}

/** An empty file that stands for the record of a removal for which there was no space. */
export function removalMarkName(number: number, pointId: string, removedAt: number): string {
  return `${removalName(number)}-${pointId}-${removedAt}`;
}

export function parseRemovalName(
  name: string,
): { name: string; number: number; mark?: { pointId: string; removedAt: number } } | undefined {
  const found = REMOVAL_NAME.exec(name);
  if (found === null) return undefined;
  const number = Number(found[1]);
  if (found[2] === undefined) return { name, number };
  return { name, number, mark: { pointId: found[2], removedAt: Number(found[3]) } };
}

/** @param since ms since 1970 */
export function sessionName(since: number, pointId: string): string {
  return `${SESSIONS_FOLDER}/${String(since).padStart(16, '0')}-${pointId}`;
}

export function parseSessionName(name: string): { since: number; pointId: string } | undefined {
  const found = SESSION_NAME.exec(name);
  return found === null ? undefined : { since: Number(found[1]), pointId: found[2] as string };
}

/** `head`, or a piece by its SHA-256. */
export function snapshotName(file: string): string {
  return `${SNAPSHOT_FOLDER}/${file}`;
}

export function isSnapshotName(name: string): boolean {
  return SNAPSHOT_NAME.test(name);
}

/** A UUID in lower case: the only form in which ids become file names. */
export function isUuid(text: string): boolean {
  return UUID_ALONE.test(text);
}
