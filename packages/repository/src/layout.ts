/** Names of files in a repository. */

export const CONFIG_NAME = 'config';
export const PACKS_FOLDER = 'packs';
export const POINTS_FOLDER = 'points';
export const REFERENCES_FOLDER = 'references';
export const LEASES_FOLDER = 'leases';
/** When each pack was last read whole; can be lost. */
export const VERIFIED_NAME = 'cache/verified';

const PACK_NAME = /^packs\/[0-9a-f]{2}\/[0-9a-f]{32}\.pack$/;
const UNFINISHED_PACK_NAME = /\/[0-9a-f]{32}\.pack$/;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const POINT_NAME = new RegExp(`^points/(${UUID})$`);
const LEASE_NAME = new RegExp(`^leases/([0-9]{12})-(${UUID})$`);
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

/** The name a growing pack gets when it is finished; a finished one's own. */
export function finishedPackName(name: string): string {
  return packName(packIdOf(name));
}

export function pointName(pointId: string): string {
  return `${POINTS_FOLDER}/${pointId}`;
}

export function referencesName(pointId: string): string {
  return `${REFERENCES_FOLDER}/${pointId}`;
}

/** Id of the point whose file has this name, or undefined for anything else. */
export function pointIdOf(name: string): string | undefined {
  return POINT_NAME.exec(name)?.[1];
}

export function leaseName(generation: number, holder: string): string {
  return `${LEASES_FOLDER}/${String(generation).padStart(12, '0')}-${holder}`;
}

export function parseLeaseName(name: string): { generation: number; holder: string } | undefined {
  const found = LEASE_NAME.exec(name);
  if (found === null) return undefined;
  return { generation: Number(found[1]), holder: found[2] as string };
}

/** A UUID in lower case: the only form in which ids become file names. */
export function isUuid(text: string): boolean {
  return UUID_ALONE.test(text);
}
