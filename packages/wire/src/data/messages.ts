import { CHUNK_HEADER_LENGTH, MAX_INNER_LENGTH } from '@sealift/crypto';

/** Version of the messages below. It goes with the subprotocol of the link and changes only with it. */
export const DATA_PROTOCOL = 1;

/** Number of each message on the link. Numbers are never reused for another message. */
export const MESSAGE = {
  open: 1,
  opened: 2,
  ask: 3,
  answer: 4,
  chunk: 5,
  ack: 6,
  references: 7,
  referencesEnd: 8,
  runs: 9,
  commit: 10,
  committed: 11,
  readPoint: 12,
  point: 13,
  listPoints: 14,
  points: 15,
  fetch: 16,
  fetched: 17,
  fetchFailed: 18,
  refused: 19,
} as const;

export type MessageKind = (typeof MESSAGE)[keyof typeof MESSAGE];

/** Most ids in one ASK or FETCH. */
export const MAX_ASK_IDS = 4096;
/** Most ids in one REFERENCES message (1 MiB). */
export const MAX_REFERENCE_IDS = 32_768;
/** Most members of one bundle. */
export const MAX_MEMBERS = 32_768;
/** Longest body of a chunk, bytes: the largest plain chunk with padding, in its container with the tag. */
export const MAX_CHUNK_BODY = CHUNK_HEADER_LENGTH + MAX_INNER_LENGTH + 16;
/** Longest manifest, bytes. */
export const MAX_MANIFEST = 8 * 1024 * 1024;
/** Most runs that one recovery point may refer to. */
export const MAX_RUNS = 65_536;
/** Most recovery points in one POINTS message. */
export const MAX_POINTS = 65_536;

const NAMES = new Map<number, string>(
  Object.entries(MESSAGE).map(([name, kind]) => [kind, name.replace(/[A-Z]/g, '_$&').toUpperCase()]),
);

/** The name of a message as it stands in the protocol description, for logs and failures. */
export function messageName(kind: number): string {
  return NAMES.get(kind) ?? `message ${kind}`;
}
