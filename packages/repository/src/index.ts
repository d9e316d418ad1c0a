export type { EncryptionMode as ProtectionMode } from '@sealift/crypto';
export type { EncryptionState, RepositoryEncryption } from './at-rest/repository-encryption.ts';
export type { Rotation } from './at-rest/rotate-master-key.ts';
export type { ChunkToStore, ChunkWriter } from './chunk-writer.ts';
export type { SlotDescription, SlotKind } from './format/key-table.ts';
export { decodeManifest, encodeManifest, type Manifest } from './format/manifest-body.ts';
export { PAGE_KIND, pageKind } from './format/page-kind.ts';
export {
  LONGEST_POINT,
  type OpenedManifest,
  type OpenManifestOptions,
  openManifest,
  sealManifest,
} from './format/recovery-point.ts';
export {
  decodeSegmentNode,
  decodeSegments,
  encodeSegmentNode,
  encodeSegments,
  type Segment,
  type SegmentNode,
} from './format/segments.ts';
export {
  type ContentMap,
  decodeEntry,
  type EntryGlance,
  type EntryKind,
  encodeEntry,
  glanceEntry,
  type TreeEntry,
} from './format/tree-entry.ts';
export { decodeNode, decodePage, encodeNode, encodePage, joinEntries, type TreeNode } from './format/tree-page.ts';
export { comparePaths, isUnder, pathFlaw } from './format/tree-path.ts';
export type { Lookup } from './index/pack-table.ts';
export { folderCache, type MetadataCache } from './metadata-cache.ts';
export { createRepository, type FirstSlot, type OpenRepositoryOptions, openRepository } from './open-repository.ts';
export type { ChunkToCopy, PointCopy } from './point-copy.ts';
export type { Hold, PointKeeping } from './point-locks.ts';
export type { PointRecord } from './points.ts';
export type { ReferenceCollector, ReferenceSummary } from './references.ts';
export type { Removal } from './removals.ts';
export type { PointToCommit, Repository, RepositoryStats } from './repository.ts';
export { IndexMemory } from './spill/index-memory.ts';
export { filesystemStore } from './store/filesystem.ts';
export { isS3Address, parseS3Address, type S3Address } from './store/s3/address.ts';
export type { CredentialsSource, S3Credentials } from './store/s3/client.ts';
export { credentialsInFile } from './store/s3/credentials-file.ts';
export { type S3StoreOptions, s3Store } from './store/s3/s3-store.ts';
export type { GrowingFile, Packing, Store } from './store/store.ts';
export type { AffectedPoint } from './upkeep/check-points.ts';
export type { CollectOptions, CollectProgress, CollectReport } from './upkeep/collection.ts';
export type { ChunkToProve, ProveChunk } from './upkeep/read-pack.ts';
export type { ReadTree } from './upkeep/rebuild-references.ts';
export type { Repair, RepairOptions } from './upkeep/repair.ts';
export type { Verification, VerifyOptions, VerifyProgress } from './upkeep/verify.ts';
export type { ZoneSecrets } from './zones/zone-secrets.ts';
