import { type Static, Type } from 'typebox';
import { bytes, Count, Digest, FailureFields, Instant, Mode, record, Uuid } from './fields.ts';
import { RepositoryKeys } from './repository-keys.ts';

/** What a repository holds. Bytes as stored; `freeBytes` of the file system below it, absent for object storage. */
export const RepositoryStats = record({
  points: Count,
  chunks: Count,
  storedBytes: Count,
  freeBytes: Type.Optional(Count),
});
export type RepositoryStats = Static<typeof RepositoryStats>;

/** `keys` where it is encrypted at rest. */
export const RepositoryState = record({
  repositoryId: Uuid,
  stats: RepositoryStats,
  keys: Type.Optional(RepositoryKeys),
});
export type RepositoryState = Static<typeof RepositoryState>;

/** At most this many points in one page of `repository.points`: about 200 bytes each. */
export const MAX_SHOWN_POINTS = 1000;
/** At most this many points in one call of `repository.describe`. */
export const MAX_DESCRIBED_POINTS = 100;
/** Longest certificate, DER. */
const Certificate = bytes(16 * 1024, 1);

export const AdoptedRepository = record({
  ...RepositoryState.properties,
  /** Certificates of the authorities under which its points were made, as far as they were kept. */
  authorities: Type.Array(Certificate, { maxItems: 64 }),
});

/** A recovery point as a target shows it. */
export const ShownPoint = record({
  id: Uuid,
  jobId: Uuid,
  sequence: Count,
  hash: Digest,
  previous: Type.Optional(Digest),
});
export type ShownPoint = Static<typeof ShownPoint>;

/** What the file of a recovery point says in the clear. The signature is checked by whoever reads the point. */
export const DescribedPoint = record({
  id: Uuid,
  jobId: Uuid,
  sourceId: Uuid,
  sequence: Count,
  hash: Digest,
  previous: Type.Optional(Digest),
  mode: Mode,
  /** Dedup zone: the repository or the encryption domain. */
  zone: bytes(16, 16),
  createdAt: Instant,
  /** Source-side only, as are `epoch` and `runsHash`. */
  descriptor: Type.Optional(bytes(128 * 1024, 1)),
  epoch: Type.Optional(Count),
  runsHash: Type.Optional(Digest),
  /** Of the source that signed it. */
  certificate: Certificate,
});
export type DescribedPoint = Static<typeof DescribedPoint>;

export const PointReport = Type.Union([
  record({ point: DescribedPoint }),
  record({ id: Uuid, failure: FailureFields }),
]);
export type PointReport = Static<typeof PointReport>;
