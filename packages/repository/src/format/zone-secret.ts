import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';
import { ZONE_LENGTH } from './limits.ts';

const MAGIC = Buffer.from('SLRZ');
const VERSION = 1;
const SECRET_LENGTH = 32;
export const ZONE_SECRET_LENGTH = 104;
/** Foreign zones that one repository may have. */
export const MOST_ZONES = 1024;

/** What keys the chunk ids of the zone of another repository. */
export interface ZoneSecret {
  /** Of the repository that it is kept in. */
  repositoryId: Buffer;
  /** Id of the other repository. */
  zone: Buffer;
  /** 32 bytes. */
  dedupSecret: Buffer;
}

/** Magic, u16 version, u16 zero, repository id, zone, dedup secret, SHA-256. */
export function encodeZoneSecret({ repositoryId, zone, dedupSecret }: ZoneSecret): Buffer {
  const writer = new ByteWriter(ZONE_SECRET_LENGTH);
  writer.bytes(MAGIC).u16(VERSION).u16(0).bytes(repositoryId).bytes(zone).bytes(dedupSecret);
  return writer.bytes(sha256(writer.finish())).finish();
}

export function decodeZoneSecret(bytes: Buffer): ZoneSecret {
  const reader = new ByteReader(bytes, 'secret of a zone');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  const flags = reader.u16();
  const repositoryId = reader.take(ZONE_LENGTH);
  const secret = { repositoryId, zone: reader.take(ZONE_LENGTH), dedupSecret: reader.take(SECRET_LENGTH) };
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  reader.end();
  if (version > VERSION) {
    throw fail(
      'repository-too-new',
      `The secret of a zone has format version ${version}; this program knows ${VERSION}.`,
    );
  }
  if (version === 0 || flags !== 0) throw reader.damaged(`version ${version} with flags ${flags}`);
  return secret;
}
