export { type Bundle, type BundleMember, checkBundle, decodeBundle, encodeBundle } from './bundle.ts';
export { type ChunkPart, openChunk, sealChunk, type WantedChunk } from './chunk.ts';
export { CHUNK_HEADER_LENGTH, parseChunkHeader, type SealedChunkHeader } from './chunk-header.ts';
export { chunkId } from './chunk-id.ts';
export { CHUNK_TYPE, type ChunkType, isChunkType, MAX_CHUNK_PLAINTEXT } from './chunk-type.ts';
export { CODEC, type Codec, type Compression, compress, parseCompression } from './compression.ts';
export { CUT_OUTPUT_LENGTH, CUT_WINDOW_LENGTH, cutPrf } from './cut-prf.ts';
export { encodeInner, type InnerPart, MAX_INNER_LENGTH, openInner } from './inner.ts';
export {
  type ChunkKeys,
  checkRun,
  chunkKeysFromSecret,
  manifestMac,
  type RunKey,
  type RunRecord,
} from './keys.ts';
export { padme } from './padme.ts';
export { newUuidBytes, uuidBytes, uuidText } from './uuid.ts';
