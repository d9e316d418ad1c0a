export { type ChunkMessage, decodeAck, decodeChunk, encodeAck, encodeChunk } from './chunk.ts';
export {
  type Committed,
  decodeCommit,
  decodeCommitted,
  decodeReferences,
  decodeReferencesEnd,
  decodeRuns,
  encodeCommit,
  encodeCommitted,
  encodeReferences,
  encodeReferencesEnd,
  encodeRuns,
  type ReferencesEnd,
  type Runs,
} from './commit.ts';
export { type Answer, type Ask, decodeAnswer, decodeAsk, encodeAnswer, encodeAsk, type Presence } from './dedup.ts';
export {
  decodeFetch,
  decodeFetched,
  decodeFetchFailed,
  encodeFetch,
  encodeFetched,
  encodeFetchFailed,
  type Fetch,
  type Fetched,
  type FetchFailed,
} from './fetch.ts';
export {
  DATA_PROTOCOL,
  MAX_ASK_IDS,
  MAX_CHUNK_BODY,
  MAX_MANIFEST,
  MAX_MEMBERS,
  MAX_POINTS,
  MAX_REFERENCE_IDS,
  MAX_RUNS,
  MESSAGE,
  type MessageKind,
  messageName,
} from './messages.ts';
export {
  decodeListPoints,
  decodePoint,
  decodePoints,
  decodeReadPoint,
  encodeListPoints,
  encodePoint,
  encodePoints,
  encodeReadPoint,
  type PointSummary,
} from './points.ts';
export {
  decodeOpen,
  decodeOpened,
  decodeRefused,
  encodeOpen,
  encodeOpened,
  encodeRefused,
  type Open,
  type Opened,
} from './session.ts';
