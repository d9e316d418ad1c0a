import { fail } from '../failures.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { sha256 } from './checksum.ts';

/** `SLRC`, first bytes of the config file. */
const MAGIC = Buffer.from('SLRC');
/** Version of the whole repository: raised when an older program could misread or harm it. */
export const REPOSITORY_VERSION = 2;
/** Repositories that are not encrypted stay readable for programs that know no encryption at rest. */
const PLAIN_VERSION = 1;
export const CONFIG_LENGTH = 100;

const CHECKSUM_LENGTH = 32;

const NO_SECRET = Buffer.alloc(32);

export interface RepositoryConfig {
  /** UUID as 16 bytes; also the zone of in-flight chunks. */
  id: Buffer;
  /** Encrypted at rest: then the dedup secret is in the key table, and zeros stand here. */
  encrypted: boolean;
  /** Key material of the ids of in-flight chunks. */
  dedupSecret: Buffer;
  /** ms since 1970. */
  createdAt: number;
}

/** Magic, u16 version, u16 encryption (0: none, 1: key table), id, dedup secret, u64 createdAt, 4 zero bytes, SHA-256 of all before. */
export function encodeConfig(config: RepositoryConfig): Buffer {
  const writer = new ByteWriter(CONFIG_LENGTH);
  writer
    .bytes(MAGIC)
    .u16(config.encrypted ? REPOSITORY_VERSION : PLAIN_VERSION)
    .u16(config.encrypted ? 1 : 0);
  writer.bytes(config.id).bytes(config.encrypted ? NO_SECRET : config.dedupSecret);
  writer.u64(config.createdAt).u32(0);
  return writer.bytes(sha256(writer.finish())).finish();
}

/** Whether bytes end with the SHA-256 of all before it, as a config of any version does. */
export function isSealed(bytes: Buffer): boolean {
  const end = bytes.length - CHECKSUM_LENGTH;
  return end > 0 && sha256(bytes.subarray(0, end)).equals(bytes.subarray(end));
}

/** The version is looked at before anything else, so that a newer layout is told apart from damage. */
export function decodeConfig(bytes: Buffer): RepositoryConfig {
  const reader = new ByteReader(bytes, 'repository config');
  if (!reader.take(4).equals(MAGIC)) throw reader.damaged('it does not begin as one');
  const version = reader.u16();
  if (version > REPOSITORY_VERSION) {
    throw fail(
      'repository-too-new',
      `The repository has format version ${version}; this program knows versions up to ${REPOSITORY_VERSION}.`,
    );
  }
  const encryption = reader.u16();
  const encrypted = encryption === 1;
  const config = { id: reader.take(16), encrypted, dedupSecret: reader.take(32), createdAt: reader.u64() };
  const spare = reader.u32();
  const summed = bytes.subarray(0, reader.position);
  if (!sha256(summed).equals(reader.take(32))) throw reader.damaged('its checksum does not hold');
  const known =
    encryption === (version === PLAIN_VERSION ? 0 : 1) && (!encrypted || config.dedupSecret.equals(NO_SECRET));
  if (version === 0 || !known || spare !== 0) throw reader.damaged('a field has an unknown value');
  reader.end();
  return config;
}
