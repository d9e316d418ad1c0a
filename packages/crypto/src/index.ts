export { type Authority, createAuthority, createKeyAndRequest, loadAuthority } from './authority.ts';
export { type Bundle, type BundleMember, checkBundle, decodeBundle, encodeBundle } from './bundle.ts';
export {
  type AuthorityCertificate,
  certificateDer,
  type Identity,
  type PeerCertificate,
  parseAuthority,
  parseCertificate,
  publicKeyHash,
  verifyPeerCertificate,
} from './certificates.ts';
export {
  CHUNK_KEY_LENGTH,
  type ChunkKeyInput,
  type ChunkPart,
  chunkKey,
  openChunk,
  sealChunk,
  sealInner,
  unsealChunk,
  type WantedChunk,
} from './chunk.ts';
export { CHUNK_HEADER_LENGTH, parseChunkHeader, type SealedChunkHeader } from './chunk-header.ts';
export { chunkId } from './chunk-id.ts';
export { CHUNK_TYPE, type ChunkType, isChunkType, MAX_CHUNK_PLAINTEXT } from './chunk-type.ts';
export { CODEC, type Codec, type Compression, compress, parseCompression } from './compression.ts';
export { CUT_OUTPUT_LENGTH, CUT_WINDOW_LENGTH, cutPrf } from './cut-prf.ts';
export { type DomainDescriptor, describeDomain, type KmsWrap } from './descriptor.ts';
export {
  createDomain,
  type DomainSecret,
  derivePasswordHash,
  hashMatches,
  type OpenDomain,
  openDomain,
  passwordMatches,
  rotateDomain,
  withKmsWraps,
} from './domain.ts';
export { DOWNLOAD_OPENING_LENGTH, openDownload, sealDownload } from './download-stream.ts';
export { createEnrolmentToken, enrolmentSecretHash, parseEnrolmentToken } from './enrolment.ts';
export type { WrapContext } from './gcm-wrap.ts';
export type { HandshakeResult, MessageChannel } from './handshake/channel.ts';
export { type SourceHandshakeOptions, sourceHandshake } from './handshake/source.ts';
export { type TargetHandshakeOptions, targetHandshake } from './handshake/target.ts';
export { encodeInner, type InnerPart, MAX_INNER_LENGTH, openInner } from './inner.ts';
export {
  type ChunkKeys,
  checkRun,
  chunkKeysFromSecret,
  manifestKey,
  manifestMac,
  manifestMacHolds,
  type RunKey,
  type RunRecord,
  runsDigest,
} from './keys.ts';
export { type KmsConfig, parseKmsAddress } from './kms/config.ts';
export { kmsWrapContext, openWithKms } from './kms/descriptor-wraps.ts';
export type { KeyWrapper, KmsProvider } from './kms/key-wrapper.ts';
export { openKeyWrapper } from './kms/open.ts';
export { openChunkKey, openPointKeys, type PointKeys, sealChunkKey, sealPointKeys } from './look-keys.ts';
export { masterKey, masterKeyWrapper } from './master-key.ts';
export { padme } from './padme.ts';
export { checkKdf, DEFAULT_KDF, KDF_LIMITS, type KdfParameters, SALT_LENGTH } from './password.ts';
export type { OpenedRecord, RecordOpener } from './records/opener.ts';
export { MAX_RECORD_PAYLOAD, RECORD_PREFIX_LENGTH, readRecordHeader } from './records/record.ts';
export type { RecordSealer } from './records/sealer.ts';
export {
  createMasterKey,
  type MasterWrapContext,
  masterKeyMac,
  openMasterKey,
  repositoryRunKey,
  SEALED_MASTER_LENGTH,
  SLOT_PUBLIC_LENGTH,
  sealMasterKey,
  slotCheckValue,
  slotKeyFromPassword,
  slotKeyWrapContext,
  slotPublicKey,
  unwrapUnderMaster,
  WRAPPED_SECRET_LENGTH,
  wrapUnderMaster,
} from './repository-keys.ts';
export { signWith, verifySignature } from './signatures.ts';
export {
  createTaskKeyPair,
  openSecret,
  openTaskKeys,
  sealSecret,
  sealTaskKeys,
  type TaskKeyPair,
  type TaskKeys,
} from './task-keys.ts';
export {
  createTicketKey,
  type EncryptionMode,
  readTicket,
  signTicket,
  TICKET_START_WINDOW,
  type Ticket,
  type TicketGrant,
  type TicketRight,
  verifyTicket,
} from './tickets.ts';
export { newUuidBytes, uuidBytes, uuidText } from './uuid.ts';
